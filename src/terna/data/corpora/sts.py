"""The parser of scored pairs in SemEval's layout, STS.input.X.txt beside STS.gs.X.txt."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from terna.data.corpora.texts import texts
from terna.errors import DataError
from terna.records import SCORED, SCORED_PAIRS
from terna.settings import Corpus

# float() would also take 1_0, nan and other alphabets' digits
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
# how errors call a text, and its lines
Read = tuple[str, list[str]]
# file, line, two sentences, score
Pair = tuple[str, int, str, str, float]


def read_sts(name: str, corpus: Corpus, folder: Path) -> pa.Table:
    """Scored pairs of a corpus whose files lie in `folder`: a SCORED table, file after file as declared.

    Raises DataError for a missing partner, unequal lengths, a score that is not a number on the
    corpus's scale, another number of pairs than declared, a file of one pair, or none at all.
    """
    read = {label: list(pairs) for label, pairs in _semeval(corpus, folder)}
    pairs = [pair for each in read.values() for pair in each]
    if not pairs:
        if read:
            raise DataError(f"{name}: no pair in {', '.join(read)}, which is empty; fetch it again")
        raise DataError(f"{name}: no pair in {folder}; a file STS.input.X.txt is expected")
    if corpus.rows is not None and len(pairs) != corpus.rows:
        raise DataError(f"{name}: {len(pairs)} pairs in {folder}, expected {corpus.rows}; fetch it again")
    if alone := [label for label, each in read.items() if len(each) == 1]:
        raise DataError(f"{name}: {alone[0]} has one pair, and a correlation needs at least 2; add pairs")
    return pa.table([list(column) for column in zip(*pairs, strict=True)], schema=SCORED)


def read_scored(name: str, corpus: Corpus, folder: Path) -> tuple[pa.Table, Counter[str]]:
    """Scored pairs to train on: a SCORED_PAIRS table with scores from 0 to 1, and the counts of `read_nli`.

    Raises DataError as `read_sts` does: no row is left out.
    """
    table, (low, high) = read_sts(name, corpus, folder), corpus.scale
    score = pc.divide(pc.subtract(table["gold"], low), high - low)
    columns = [table["sentence1"], table["sentence2"], score, pa.array([name] * len(table), pa.string())]
    return pa.table(columns, schema=SCORED_PAIRS), Counter(
        read=len(table), other_language=0, no_label=0, empty_sentence=0
    )


def _semeval(corpus: Corpus, folder: Path) -> Iterator[tuple[str, Iterable[Pair]]]:
    read: dict[str, Read] = {text.base: (text.label, list(text.lines)) for text in texts(corpus, folder)}
    for base, (label, _) in read.items():
        if base.startswith("STS.input."):
            yield label, _file(base, read, corpus.scale)


def _file(base: str, read: Mapping[str, Read], scale: Sequence[float]) -> Iterator[Pair]:
    topic = base.removeprefix("STS.input.").removesuffix(".txt")
    label, lines = read[base]
    gold_label, gold = read.get(f"STS.gs.{topic}.txt", ("", []))
    if not gold_label:
        raise DataError(f"{label}: its scores are missing; STS.gs.{topic}.txt belongs beside it")
    if len(gold) != len(lines):
        raise DataError(f"{label}: {len(lines)} pairs, but {gold_label} has {len(gold)} scores; fetch both again")
    for number, (pair, score) in enumerate(zip(lines, gold, strict=True), start=1):
        first, second = _sentences(pair, f"{label}, line {number}")
        yield topic, number, first, second, _score(score, scale, f"{gold_label}, line {number}")


def _sentences(pair: str, where: str) -> tuple[str, str]:
    parts = [part.strip() for part in pair.split("\t")]
    if len(parts) < 2 or not parts[0] or not parts[1]:
        raise DataError(f"{where}: expected two sentences separated by a tab, found {pair!r}")
    return parts[0], parts[1]


def _score(text: str, scale: Sequence[float], where: str) -> float:
    # stripped for float() too: it knows fewer blanks than str.strip()
    number = text.strip()
    if not NUMBER.fullmatch(number):
        raise DataError(f"{where}: expected a score, found {text!r}")
    value = float(number)
    if not scale[0] <= value <= scale[1]:
        raise DataError(f"{where}: expected a score from {scale[0]:g} to {scale[1]:g}, found {text!r}")
    return value
