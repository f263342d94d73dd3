"""Each sentence tokenised once is each sentence tokenised, and three integers lead back to three texts."""

from collections.abc import Callable, Iterable
from dataclasses import fields
from itertools import cycle
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from composed import compose_once, small
from hypothesis import given, settings
from hypothesis import strategies as st
from token_tables import build
from transformers import PreTrainedTokenizerBase

from terna import sentences as tokenization
from terna.data.examples import Tables
from terna.data.token_table import TokenTable
from terna.encoder import load_tokenizer
from terna.errors import DataError
from terna.records import CLASSED_PAIRS, POSITIVES, RAW_TEXTS, SCORED_PAIRS, TRIPLETS, TUPLES, sha256_of
from terna.sentences import gather, tokenize, word_numbers

ARRAYS = [field.name for field in fields(TokenTable)]
FUZZ = settings(derandomize=True, deadline=None, max_examples=200)
TEXTS = [
    "El perro duerme.",
    "¿Vienes?",
    "",
    "Nadie supo quién dejó la carta bajo la puerta.",
    "niño 😀\u2028fin",
    "a" * 300,
]
TRAIN = [("Casa.", "casa. ", "Un barco."), ("El pan.", "La miga.", "Casa."), ("El pan.", "EL PAN.", "Un barco.")]
POSITIVES_OF_TRAIN = [("El pan.", "La miga."), ("La miga.", "El pan."), ("Casa.", "El pan."), ("casa. ", "El pan.")]
DEV = [("La niña ríe.", "Una niña se ríe.", "Nadie ríe.")]


def triplets(rows: list[tuple[str, str, str]], corpora: Iterable[str] = cycle(["one"])) -> pa.Table:
    named = [dict(zip(TRIPLETS.names, (*row, corpus), strict=True)) for row, corpus in zip(rows, corpora, strict=False)]
    return pa.Table.from_pylist(named, schema=TRIPLETS)


def known(rows: list[tuple[str, str]]) -> pa.Table:
    return pa.Table.from_pylist([dict(zip(POSITIVES.names, row, strict=True)) for row in rows], schema=POSITIVES)


def scored(rows: list[tuple[str, str, float, str]]) -> pa.Table:
    named = [dict(zip(SCORED_PAIRS.names, row, strict=True)) for row in rows]
    return pa.Table.from_pylist(named, schema=SCORED_PAIRS)


def tuples(rows: list[tuple[str, str, list[str], str]]) -> pa.Table:
    return pa.Table.from_pylist([dict(zip(TUPLES.names, row, strict=True)) for row in rows], schema=TUPLES)


def classed(rows: list[tuple[str, str, str, str]]) -> pa.Table:
    return pa.Table.from_pylist(
        [dict(zip(CLASSED_PAIRS.names, row, strict=True)) for row in rows], schema=CLASSED_PAIRS
    )


def decoded(table: TokenTable, tokenizer: PreTrainedTokenizerBase) -> list[str]:
    """The text of each sentence."""
    pieces = np.split(table.ids, table.offsets[1:-1])
    return [str(tokenizer.decode(piece.tolist(), skip_special_tokens=True)) for piece in pieces]


@pytest.fixture(scope="module")
def fitted(root: Path) -> PreTrainedTokenizerBase:
    """A byte-level BPE, which loses no character."""
    model = compose_once(root, small(["model.scratch.vocab_size=400"])).model
    return load_tokenizer(model, [*TEXTS, *(text for row in (*TRAIN, *DEV) for text in row)])


@pytest.fixture(scope="module", params=["scratch", "packaged"])
def tokenizer(root: Path, fitted: PreTrainedTokenizerBase, request: pytest.FixtureRequest) -> PreTrainedTokenizerBase:
    if request.param == "scratch":
        return fitted
    return load_tokenizer(compose_once(root, ["model=minilm"]).model, [])


@pytest.fixture
def table(fitted: PreTrainedTokenizerBase) -> TokenTable:
    return build(Tables(triplets(TRAIN), triplets(DEV), known(POSITIVES_OF_TRAIN)), fitted, 64)


@pytest.mark.parametrize("chunk", [1, 4, 8192])
def test_each_slice_is_what_the_tokenizer_gives_for_the_sentence_alone(
    tokenizer: PreTrainedTokenizerBase, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr(tokenization, "CHUNK", chunk)
    ids, offsets = tokenize(tokenizer, TEXTS, 512)
    assert (ids.dtype, offsets.dtype) == (np.int32, np.int64)
    assert offsets[0] == 0 and offsets[-1] == len(ids)
    for i, text in enumerate(TEXTS):
        assert ids[offsets[i] : offsets[i + 1]].tolist() == tokenizer(text)["input_ids"], text


@pytest.mark.parametrize("longest", [2, 5, 16])
def test_a_long_sentence_is_cut_before_its_last_special_token(tokenizer: PreTrainedTokenizerBase, longest: int) -> None:
    ids, offsets = tokenize(tokenizer, TEXTS, longest)
    for i, text in enumerate(TEXTS):
        whole = tokenizer(text)["input_ids"]
        cut = whole if len(whole) <= longest else [*whole[: longest - 1], whole[-1]]
        assert ids[offsets[i] : offsets[i + 1]].tolist() == cut, text


def test_no_sentence_is_no_token(fitted: PreTrainedTokenizerBase) -> None:
    ids, offsets = tokenize(fitted, [], 16)
    assert ids.tolist() == [] and offsets.tolist() == [0]
    assert [part.tolist() for part in gather(ids, offsets, np.zeros(0, np.int64))] == [[], []]


@FUZZ
@given(st.lists(st.lists(st.integers(0, 99), max_size=5), min_size=1, max_size=9), st.data())
def test_gather_is_a_loop_over_the_sentences(sentences: list[list[int]], data: st.DataObject) -> None:
    chosen = data.draw(st.lists(st.integers(0, len(sentences) - 1), max_size=20))
    offsets = np.cumsum([0, *map(len, sentences)])
    flat = np.array([token for sentence in sentences for token in sentence], np.int32)
    ids, lengths = gather(flat, offsets, np.array(chosen, np.int32))
    assert ids.tolist() == [token for i in chosen for token in sentences[i]]
    assert lengths.tolist() == [len(sentences[i]) for i in chosen]
    assert (ids.dtype, lengths.dtype) == (np.int64, np.int64)


def test_a_triplets_numbers_lead_back_to_its_texts(table: TokenTable, fitted: PreTrainedTokenizerBase) -> None:
    def text(sentence: int) -> str:
        ids = table.ids[table.offsets[sentence] : table.offsets[sentence + 1]]
        return str(fitted.decode(ids.tolist(), skip_special_tokens=True))

    for found, rows in ((table.train, TRAIN), (table.dev, DEV)):
        assert found.dtype == np.int32
        assert [tuple(text(sentence) for sentence in row) for row in found.tolist()] == rows


def test_a_sentence_stands_once_however_many_triplets_it_is_in(table: TokenTable) -> None:
    distinct = {text for row in (*TRAIN, *DEV) for text in row}
    assert len(table.keys) == len(table.offsets) - 1 == len(distinct) == 9
    assert np.unique(np.concatenate([table.train.ravel(), table.dev.ravel()])).tolist() == list(range(9))


def test_keys_are_equal_exactly_where_texts_count_as_the_same(table: TokenTable) -> None:
    numbers = [*table.train.ravel().tolist(), *table.dev.ravel().tolist()]
    plain = [text.strip().casefold() for row in (*TRAIN, *DEV) for text in row]
    keys = table.keys[numbers]
    assert np.array_equal(np.equal.outer(keys, keys), [[a == b for b in plain] for a in plain])
    assert len(np.unique(keys)) == 7


def test_known_positives_are_the_keys_of_their_texts_each_pair_once_and_sorted(table: TokenTable) -> None:
    texts = [text for row in TRAIN for text in row]
    key = dict(zip(texts, table.keys[table.train.ravel()].tolist(), strict=True))
    expected = {(key[one], key[other]) for one, other in POSITIVES_OF_TRAIN}
    assert table.positives.dtype == np.int32
    assert [tuple(row) for row in table.positives.tolist()] == sorted(expected)
    assert len(expected) == 3  # "Casa." and "casa. " are one key


def test_each_row_that_is_trained_on_keeps_its_corpus(fitted: PreTrainedTokenizerBase) -> None:
    train = triplets(TRAIN, ["xnli", "esxnli", "xnli"])
    tables = Tables(train, triplets(DEV, ["another"]), known([]))
    found = build(tables, fitted, 64).corpus
    assert found.dtype == np.int16 and [tables.corpora[number] for number in found] == train["corpus"].to_pylist()


@pytest.mark.parametrize("rows", [TRAIN, []])
def test_scored_pairs_are_numbered_with_the_triplets(
    fitted: PreTrainedTokenizerBase, rows: list[tuple[str, str, str]]
) -> None:
    pairs = [("Casa.", "Una choza.", 0.25, "b"), ("El pan.", "Casa.", 1.0, "a"), ("Una choza.", "¿Qué?", 0.0, "b")]
    tables = Tables(triplets(rows, ["c", "b", "a"]), triplets([]), known([]), scored(pairs))
    table = build(tables, fitted, 64)
    texts = decoded(table, fitted)
    assert [(texts[a], texts[b]) for a, b in table.scored] == [pair[:2] for pair in pairs]
    assert (table.scored.dtype, table.scores.dtype) == (np.int32, np.float32)
    assert table.scores.tolist() == [0.25, 1.0, 0.0]
    assert [tables.corpora[number] for number in table.scored_corpus] == ["b", "a", "b"]
    assert len(texts) == len({text for row in (*rows, *(pair[:2] for pair in pairs)) for text in row})
    assert [tuple(texts[sentence] for sentence in row) for row in table.train.tolist()] == rows


TUPLED = [
    ("Casa.", "Una choza.", ["El pan.", "EL PAN. ", "Nadie."], "b"),
    ("¿Qué?", "casa. ", [], "d"),
    ("El pan.", "Nadie.", ["Una choza."], "a"),
    ("Casa.", "Otra.", [], "d"),
]
CLASSED = [("Casa.", "Otra.", "sí", "e"), ("La miga.", "¿Cómo?", "no", "b"), ("Otra.", "Casa.", "sí", "b")]


@pytest.mark.parametrize("rows", [TRAIN, []])
def test_tuples_of_any_width_and_classed_pairs_are_numbered_with_the_triplets(
    fitted: PreTrainedTokenizerBase, rows: list[tuple[str, str, str]]
) -> None:
    tables = Tables(triplets(rows), triplets(DEV), known([]), tuples=tuples(TUPLED), classed=classed(CLASSED))
    table = build(tables, fitted, 64)
    texts = decoded(table, fitted)
    assert len(texts) == len(set(texts))
    assert [tuple(texts[i] for i in row) for row in table.train.tolist()] == rows
    found = [[texts[i] for i in row] for row in np.split(table.tuples, table.tuple_offsets[1:-1])]
    assert found == [[anchor, positive, *negatives] for anchor, positive, negatives, _ in TUPLED]
    assert [tables.corpora[number] for number in table.tuple_corpus] == [row[-1] for row in TUPLED]
    for width, expected in ((2, [1, 3]), (3, [2]), (5, [0]), (4, [])):
        places, numbers = table.tuples_of(width)
        assert (places.tolist(), numbers.shape) == (expected, (len(expected), width))
        assert [[texts[i] for i in row] for row in numbers] == [found[place] for place in expected]
    assert [(texts[a], texts[b]) for a, b in table.classed] == [row[:2] for row in CLASSED]
    assert [tables.classes[number] for number in table.classes] == ["sí", "no", "sí"]
    assert [tables.corpora[number] for number in table.classed_corpus] == ["e", "b", "b"]
    assert [array.dtype for array in (table.tuples, table.classed, table.classes)] == [np.int32] * 3
    assert [array.dtype for array in (table.tuple_corpus, table.classed_corpus)] == [np.int16] * 2
    keys = dict(zip(texts, table.keys.tolist(), strict=True))
    assert keys["Casa."] == keys["casa. "] and keys["El pan."] == keys["EL PAN. "]


def test_anchor_and_positive_of_a_tuple_are_known_positives_of_each_other(fitted: PreTrainedTokenizerBase) -> None:
    table = build(Tables(triplets(TRAIN), triplets([]), known(POSITIVES_OF_TRAIN), tuples=tuples(TUPLED)), fitted, 64)
    keys = dict(zip(decoded(table, fitted), table.keys.tolist(), strict=True))
    both = {(keys[one], keys[other]) for one, other in POSITIVES_OF_TRAIN}
    for anchor, positive, *_ in TUPLED:
        both |= {(keys[anchor], keys[positive]), (keys[positive], keys[anchor])}
    assert [tuple(row) for row in table.positives.tolist()] == sorted(both)


def test_a_known_positive_that_is_in_no_triplet_is_refused(fitted: PreTrainedTokenizerBase) -> None:
    with pytest.raises(DataError, match=r"positives\.parquet: .* run the triplets stage"):
        build(Tables(triplets(TRAIN), triplets(DEV), known([("El pan.", "La corteza.")])), fitted, 64)


@pytest.mark.parametrize("dev", [DEV, []])
def test_what_was_saved_is_mapped_into_memory_and_equal(
    fitted: PreTrainedTokenizerBase, tmp_path: Path, dev: list[tuple[str, str, str]]
) -> None:
    table = build(Tables(triplets(TRAIN), triplets(dev), known(POSITIVES_OF_TRAIN if dev else [])), fitted, 64)
    table.save(tmp_path)
    loaded = TokenTable.load(tmp_path)
    for name in ARRAYS:
        saved, mapped = getattr(table, name), getattr(loaded, name)
        assert isinstance(mapped, np.memmap) and not mapped.flags.writeable
        assert mapped.dtype == saved.dtype and np.array_equal(mapped, saved)
    assert loaded.dev.shape == (len(dev), 3)
    assert loaded.positives.shape == (3 if dev else 0, 2)
    chosen = loaded.train.ravel()
    for mapped, plain in zip(
        gather(loaded.ids, loaded.offsets, chosen), gather(table.ids, table.offsets, chosen), strict=True
    ):
        assert np.array_equal(mapped, plain)


def test_two_saves_are_the_same_bytes_beside_what_else_is_there(table: TokenTable, tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "stats.json").write_text("{}")
    for name in ("one", "two", "one"):
        table.save(tmp_path / name)
    assert sorted(path.name for path in (tmp_path / "one").iterdir()) == sorted(
        ["stats.json", *(f"{name}.npy" for name in ARRAYS)]
    )
    for name in ARRAYS:
        assert sha256_of(tmp_path / "one" / f"{name}.npy") == sha256_of(tmp_path / "two" / f"{name}.npy")


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.unlink(),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:60]),
        lambda path: path.write_bytes(path.read_bytes()[:-1]),
        lambda path: path.write_bytes(path.read_bytes().replace(b")", b" ", 1)),
        lambda path: path.write_text("no array"),
        lambda path: path.write_bytes(b"PK\x03\x04 no archive"),
        lambda path: np.save(path, np.array([None]), allow_pickle=True),
    ],
    ids=["missing", "empty", "half a header", "a byte short", "header damaged", "text", "zip", "pickle"],
)
def test_an_array_that_is_missing_or_broken_is_named_with_the_stage_that_makes_it(
    table: TokenTable, tmp_path: Path, name: str, damage: Callable[[Path], object]
) -> None:
    table.save(tmp_path)
    damage(tmp_path / f"{name}.npy")
    with pytest.raises(DataError, match=rf"{name}\.npy: (.|\n)*run the tokens stage"):
        TokenTable.load(tmp_path)


def test_each_token_of_a_raw_text_has_its_word_and_those_of_a_prompt_have_none(
    tokenizer: PreTrainedTokenizerBase,
) -> None:
    texts = ["El panadero duerme, ¿no?", "Casa.", "El perro no ve la carta."]
    for prompt in ("", "query: "):
        ids, offsets = tokenize(tokenizer, [prompt + text for text in texts], 40)
        words = word_numbers(tokenizer, texts, 40, prompt)
        assert (words.dtype, len(words)) == (np.int32, len(ids))
        for text, first, last in zip(texts, offsets[:-1], offsets[1:], strict=True):
            own = words[first:last]
            assert own[0] == own[-1] == -1  # special tokens
            found = own[own >= 0]
            assert set(np.diff(found, prepend=0).tolist()) <= {0, 1} and found[0] == 0
            pieces = [
                tokenizer.decode(ids[first:last][own == word].tolist()).strip() for word in range(found.max() + 1)
            ]
            plain = "".join(pieces).replace(" ", "").lower()
            assert text.replace(" ", "").lower() == plain
            assert pieces[0].lower() == text.split()[0].lower().rstrip(".")
            before = (
                own[1 : 1 + len(tokenizer(prompt.strip(), add_special_tokens=False)["input_ids"])] if prompt else []
            )
            assert all(word == -1 for word in before)


def test_raw_texts_are_numbered_with_their_words_and_corpora(fitted: PreTrainedTokenizerBase) -> None:
    rows = [("Casa azul.", "one"), ("El pan.", "two"), ("casa azul.", "two")]
    texts = pa.Table.from_pylist([dict(zip(RAW_TEXTS.names, row, strict=True)) for row in rows], schema=RAW_TEXTS)
    table = build(Tables(triplets(TRAIN), triplets(DEV), known(POSITIVES_OF_TRAIN), texts=texts), fitted, 64)
    found = decoded(table, fitted)
    assert [found[place] for place in table.texts] == [text for text, _ in rows]
    assert table.keys[table.texts[0]] == table.keys[table.texts[2]] and table.texts[0] != table.texts[2]
    assert table.texts_corpus.tolist() == [0, 1, 1]
    assert len(table.text_words) == np.diff(table.offsets)[table.texts].sum()
