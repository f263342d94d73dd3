"""Coverage-guided fuzzing of the parsers: a parse is right or a TernaError, never anything else.

    pip install -e '.[fuzz]'
    python tests/helpers/fuzz_parsers.py -max_total_time=3600 /tmp/corpus

Arguments are libFuzzer's; the folder, which must exist, keeps the inputs that reached something new. A finding is
written to ./crash-… and played again with `python tests/helpers/fuzz_parsers.py crash-…`. The first byte of an
input chooses the format; for scored pairs the rest is cut at its first NUL into pairs and scores; an archive is the
rest itself.

What is right is said by a plain reading with bytes.split, which shares no code with the parsers; of rows quoted as CSV
none is lost, and every label and score is known. Two texts side by side are cut at the first NUL too.
"""

import json
import math
import sys
import tempfile
from pathlib import Path

import atheris
import pyarrow as pa

with atheris.instrument_imports(include=["terna.data.corpora"]):
    from terna.data.corpora import read, read_benchmark, read_nli, read_parallel, read_sts

from corpora_inputs import MT, OWN, ROW, SOUND, STS, XNLI, benchmarked, columned, corpus, line, put

from terna.errors import TernaError
from terna.records import LABELS

FORMATS = ("xnli_tsv", "xnli_mt_tsv", "columns", "snli_jsonl", "semeval_sts", "archive", "benchmark", "lines")
COLUMNS = {
    "xnli_tsv": ("sentence1", "sentence2", "gold_label", "language"),
    "xnli_mt_tsv": ("premise", "hypo", "label"),
    "snli_jsonl": ("sentence1", "sentence2", "gold_label"),
}
FOLDER = Path(tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None))


def one_input(data: bytes) -> None:
    """Parse one input; an error that is not ours, or a parse that is not the plain reading, ends the run."""
    if not data:
        return
    kind, rest = FORMATS[data[0] % len(FORMATS)], data[1:]
    try:
        if kind == "semeval_sts":
            scored(rest)
        elif kind == "benchmark":
            graded(rest)
        elif kind == "lines":
            side_by_side(rest)
        elif kind == "archive":
            archived(rest)
        elif kind == "columns":
            mapped(rest)
        else:
            labelled(kind, rest)
    except TernaError as error:
        if str(FOLDER) not in str(error):
            raise AssertionError(f"an error that names no file: {error}") from error


def labelled(kind: str, content: bytes) -> None:
    put(FOLDER, {"c.txt": content})
    table, counts = read_nli("name", corpus(kind, "c.txt"), FOLDER)
    table.validate(full=True)
    rows = [plain(kind, row) for row in records(kind, content)]
    spoken = [row for row in rows if row[3] in ("", "es")]
    expected = [row[:3] for row in spoken if row[2] in LABELS and row[0] and row[1]]
    found = zip(*(table[name].to_pylist() for name in ("premise", "hypothesis", "label")), strict=True)
    same(list(found), expected)
    same((counts["read"], counts["other_language"]), (len(spoken), len(rows) - len(spoken)))


def mapped(content: bytes) -> None:
    put(FOLDER, {"c.csv": content})
    table, counts = read("name", columned("nli", "c.csv"), FOLDER)
    table.validate(full=True)
    # no row is lost; what its fields are is tried from what csv writes, in tests/data/test_columns.py
    same(set(table["label"].to_pylist()) <= set(LABELS), True)
    same(counts["read"], len(table) + counts["empty_sentence"])


def records(kind: str, content: bytes) -> list[list[str]]:
    """The wanted fields of each row."""
    texts = lines_of(content)
    if kind.endswith("jsonl"):
        return [[json.loads(text)[key] for key in COLUMNS[kind]] for text in texts]
    header = texts[0].split("\t")
    places = [header.index(name) for name in COLUMNS[kind]]
    return [[text.split("\t")[place] for place in places] for text in texts[1:]]


def lines_of(content: bytes) -> list[str]:
    """The lines of a text without their ends."""
    lines = [raw.rstrip(b"\r") for raw in content.removeprefix(b"\xef\xbb\xbf").split(b"\n")]
    return [raw.decode() for raw in (lines[:-1] if not lines[-1] and content.endswith(b"\n") else lines)]


def plain(kind: str, fields: list[str]) -> tuple[str, str, str, str]:
    premise, hypothesis, label, *language = (field.strip() for field in fields)
    if kind == "xnli_mt_tsv" and label == "contradictory":
        label = "contradiction"
    return premise, hypothesis, label, language[0] if language else ""


def scored(content: bytes) -> None:
    pairs, _, scores = content.partition(b"\0")
    put(FOLDER, dict(zip(STS, (pairs, scores), strict=True)))
    table = read_sts("name", corpus("semeval_sts", *STS), FOLDER)
    table.validate(full=True)
    for row in table.to_pylist():
        same(bool(row["sentence1"] and row["sentence2"] and math.isfinite(row["gold"])), True)
        same(0 <= row["gold"] <= 5, True)
    same(len(table), len(pairs.removesuffix(b"\n").split(b"\n")))


def graded(content: bytes) -> None:
    (FOLDER / "name").mkdir(exist_ok=True)
    put(FOLDER / "name", {"c.csv": content})
    table = read_benchmark("name", benchmarked("name", "c.csv"), FOLDER)
    if not isinstance(table, pa.Table):
        raise AssertionError("scored pairs became a ranking")
    table.validate(full=True)
    for row in table.to_pylist():
        same(bool(row["sentence1"] and row["sentence2"] and 0 <= row["gold"] <= 5), True)


def side_by_side(content: bytes) -> None:
    source, _, target = content.partition(b"\0")
    put(FOLDER, {"c.en": source, "c.es": target})
    table, counts = read_parallel("name", corpus("lines", "c.en", "c.es", source="en"), FOLDER)
    table.validate(full=True)
    same(counts["read"], len(lines_of(source)))
    same(len(lines_of(source)), len(lines_of(target)))


def archived(content: bytes) -> None:
    put(FOLDER, {"c.zip": content})
    table, _ = read_nli("name", corpus("xnli_tsv", "c.zip", members=("c.tsv",)), FOLDER)
    table.validate(full=True)


def same(found: object, expected: object) -> None:
    if found != expected:
        raise AssertionError(f"{found!r} is not {expected!r}")


def seeds(folder: Path) -> None:
    """Sound inputs of each format to start from."""
    own = OWN.replace(b"\t", b",") + b'"Hola, ""no"".",Vengo.,2\r\n'
    sound = (XNLI + ROW, MT + b"Hola.\tVengo.\tcontradictory\n", own, line(), b"a\tb\nc\td\n\x001\n2.5\n", SOUND)
    quoted = b'Hola.,"Vengo, pues.",2.5\nNo.,"Dijo ""no"".",5\n'
    inputs = (*sound, quoted, b"Hello.\nNo.\n\x00Hola.\nNo.\n")
    for number, content in enumerate(inputs):
        (folder / f"seed-{number}").write_bytes(bytes([number]) + content)


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        if Path(argument).is_dir():
            seeds(Path(argument))
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
