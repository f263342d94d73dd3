"""Whatever the bytes: sound rows come out, or a DataError, and never anything else."""

import json
import tempfile
from pathlib import Path

import pyarrow as pa
import pytest
from corpora_inputs import MT, ROW, SOUND, STS, XNLI, benchmarked, corpus, line, put
from hypothesis import given, settings
from hypothesis import strategies as st

from terna.data.corpora import read_benchmark, read_nli, read_sts
from terna.errors import DataError
from terna.records import LABELS
from terna.settings.declaration import SCORED

# Arbitrary bytes: half of them are put together from what the formats are made of, so that more than line 1 is read.
PIECES = (
    b"\t",
    b"\n",
    b"\r",
    b"\0",
    b'"',
    b"\xff",
    b"\xef\xbb\xbf",
    "\u2028".encode(),
    b"es",
    b"neutral",
    b"-",
    b"Hola",
)
PIECES += (
    XNLI,
    MT,
    b",",
    b";",
    ROW,
    line(),
    line(label="-"),
    line().replace(b"Hola", rb"\udc00"),
    b"{",
    b"[",
    b"nan",
    b"1",
    b"9_9",
)
KEYS = ("sentence1", "sentence2", "gold_label", "premise", "hypothesis", "label")
soup = st.lists(st.sampled_from(PIECES), max_size=12).map(b"".join)
headed = st.builds(bytes.__add__, st.sampled_from([XNLI, MT, line()]), soup)
odd_texts = st.text(st.characters(exclude_categories=()), max_size=5)
objects = st.dictionaries(st.sampled_from(KEYS), odd_texts | st.integers())
escaped = st.lists(objects, max_size=3).map(lambda rows: "\n".join(map(json.dumps, rows)).encode())
anything = st.binary() | soup | headed | escaped
NLI_FORMATS = ("xnli_tsv", "xnli_mt_tsv", "snli_jsonl")
FUZZ = settings(derandomize=True, deadline=None, max_examples=150)


def tried(kind: str, contents: dict[str, bytes], members: tuple[str, ...] = ()) -> pa.Table | None:
    with tempfile.TemporaryDirectory() as folder:
        put(Path(folder), contents)
        declared = corpus(kind, *contents, members=members)
        try:
            if kind == SCORED:
                return read_sts("name", declared, Path(folder))
            return read_nli("name", declared, Path(folder))[0]
        except DataError as error:
            assert folder in str(error)
            return None


@FUZZ
@given(st.sampled_from(NLI_FORMATS), anything)
def test_any_bytes_give_sound_pairs_or_a_data_error(kind: str, content: bytes) -> None:
    table = tried(kind, {"c.txt": content})
    if table is not None:
        table.validate(full=True)
        assert all(row["premise"] and row["hypothesis"] and row["label"] in LABELS for row in table.to_pylist())


@FUZZ
@given(soup | st.binary() | st.just(b"a\tb\nc\td\n"), soup | st.binary() | st.just(b"1\n2\n"))
def test_any_bytes_give_sound_scored_pairs_or_a_data_error(pairs: bytes, scores: bytes) -> None:
    table = tried("semeval_sts", {STS[0]: pairs, STS[1]: scores})
    if table is not None:
        table.validate(full=True)
        assert all(row["sentence1"] and row["sentence2"] and 0 <= row["gold"] <= 5 for row in table.to_pylist())


@pytest.mark.parametrize("byte", [b"\x00", b"\x01", b"\xff", b""], ids=repr)
def test_an_archive_damaged_at_any_byte_gives_the_same_pairs_or_a_data_error_and_never_others(byte: bytes) -> None:
    sound = tried("xnli_tsv", {"c.zip": SOUND}, members=("c.tsv",))
    assert sound is not None
    refused = 0
    for place in range(len(SOUND)):
        # no byte: the archive ends here
        damaged = SOUND[:place] + byte + SOUND[place + 1 :] if byte else SOUND[:place]
        found = tried("xnli_tsv", {"c.zip": damaged}, members=("c.tsv",))
        assert found is None or found.equals(sound)
        refused += found is None
    assert refused > len(SOUND) / 2


@FUZZ
@given(soup | st.binary() | st.builds(bytes.__add__, st.just(b"a,b,1\nc,d,2\n"), soup))
def test_any_bytes_give_sound_rows_of_a_benchmark_in_columns_or_a_data_error(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "own").mkdir()
        put(Path(folder) / "own", {"c.csv": content})
        try:
            table = read_benchmark("own", benchmarked("own", "c.csv"), Path(folder))
        except DataError as error:
            assert folder in str(error) or "own: " in str(error)
            return
    assert isinstance(table, pa.Table)
    table.validate(full=True)
    assert all(row["sentence1"] and row["sentence2"] and 0 <= row["gold"] <= 5 for row in table.to_pylist())
