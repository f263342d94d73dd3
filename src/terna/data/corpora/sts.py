"""The parser of scored pairs, in SemEval's layout: STS.input.X.txt beside STS.gs.X.txt."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from terna.data.corpora.texts import texts
from terna.errors import DataError
from terna.records import SCORED, sentences_of
from terna.settings import Corpus

# float() would also take 1_0, nan and other alphabets' digits
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
# how errors call a text, and its lines
Read = tuple[str, list[str]]


def read_sts(name: str, corpus: Corpus, folder: Path) -> pa.Table:
    """Scored pairs of a benchmark whose files lie in `folder`: a SCORED table, file after file as declared.

    Raises DataError for a missing partner, unequal lengths, a missing column, a score that is not a number on the
    benchmark's scale, another number of pairs than declared, a file of one pair, or none at all.
    """
    read: dict[str, Read] = {text.base: (text.label, list(text.lines)) for text in texts(corpus, folder)}
    pairs = [pair for base in read if base.startswith("STS.input.") for pair in _file(base, read, corpus.scale)]
    if not pairs:
        if empty := [label for base, (label, _) in read.items() if base.startswith("STS.input.")]:
            raise DataError(f"{name}: no pair in {', '.join(empty)}, which is empty; fetch it anew")
        raise DataError(f"{name}: no pair in {folder}; a file STS.input.X.txt is expected")
    if corpus.rows is not None and len(pairs) != corpus.rows:
        raise DataError(f"{name}: {len(pairs)} pairs in {folder}, expected {corpus.rows}; fetch it anew")
    if alone := [label for base, (label, lines) in read.items() if base.startswith("STS.input.") and len(lines) == 1]:
        raise DataError(f"{name}: {alone[0]} has one pair, and a correlation needs at least 2; add pairs")
    return pa.table([list(column) for column in zip(*pairs, strict=True)], schema=SCORED)


def scored_sentences(benchmarks: Mapping[str, Corpus], folder: Path) -> dict[str, list[str]]:
    """The sentences of each benchmark, whose files lie in folder/<name>: never its scores."""
    columns = {name: sentences_of(read_sts(name, one, folder / name)) for name, one in benchmarks.items()}
    return {name: [*first, *second] for name, (first, second) in columns.items()}


def _file(base: str, read: Mapping[str, Read], scale: Sequence[float]) -> Iterator[tuple[str, int, str, str, float]]:
    topic = base.removeprefix("STS.input.").removesuffix(".txt")
    label, lines = read[base]
    gold_label, gold = read.get(f"STS.gs.{topic}.txt", ("", []))
    if not gold_label:
        raise DataError(f"{label}: its scores are missing; STS.gs.{topic}.txt belongs beside it")
    if len(gold) != len(lines):
        raise DataError(f"{label}: {len(lines)} pairs, but {gold_label} has {len(gold)} scores; fetch both anew")
    for number, (pair, score) in enumerate(zip(lines, gold, strict=True), start=1):
        first, second = _sentences(pair, f"{label}, line {number}")
        yield topic, number, first, second, _score(score, scale, f"{gold_label}, line {number}")


def _sentences(pair: str, where: str) -> tuple[str, str]:
    parts = [part.strip() for part in pair.split("\t")]
    if len(parts) < 2 or not parts[0] or not parts[1]:
        raise DataError(f"{where}: two sentences parted by a tab expected, found {pair!r}")
    return parts[0], parts[1]


def _score(text: str, scale: Sequence[float], where: str) -> float:
    # stripped for float() too: it knows fewer blanks than str.strip()
    number = text.strip()
    if not NUMBER.fullmatch(number):
        raise DataError(f"{where}: a score expected, found {text!r}")
    value = float(number)
    if not scale[0] <= value <= scale[1]:
        raise DataError(f"{where}: a score from {scale[0]:g} to {scale[1]:g} expected, found {text!r}")
    return value
