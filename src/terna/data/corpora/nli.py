"""Parsers of labelled pairs, as SNLI, MultiNLI and XNLI publish them.

A malformed row is a DataError that names file and line; a row that is well-formed but of no use is counted by
reason and left out.
"""

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from terna.data.corpora.texts import Text, texts
from terna.data.corpora.values import UNFIT, UNFIT_FOUND
from terna.errors import DataError
from terna.records import LABELS, PAIRS
from terna.settings import Corpus

# premise, hypothesis, label, language ("" where the format does not say)
Row = tuple[str, str, str, str]


def read_nli(name: str, corpus: Corpus, folder: Path) -> tuple[pa.Table, Counter[str]]:
    """Labelled pairs of a corpus whose files lie in `folder`, and its accounts.

    Returns a PAIRS table and the counts `read` (rows in the corpus's language), `other_language`, and of the rows left
    out `no_label` and `empty_sentence`. Raises DataError for a malformed row, another number of rows than declared, or
    no pair at all.
    """
    kept: list[Row] = []
    counts: Counter[str] = Counter(read=0, other_language=0, no_label=0, empty_sentence=0)
    for text in texts(corpus, folder):
        for row in PARSERS[corpus.format](text):
            reason = _reason(row, corpus.language)
            counts["other_language" if reason == "other_language" else "read"] += 1
            if reason is None:
                kept.append(row)
            elif reason != "other_language":
                counts[reason] += 1
    if corpus.rows is not None and counts["read"] != corpus.rows:
        raise DataError(f"{name}: {counts['read']} rows in {folder}, expected {corpus.rows}; fetch it again")
    if not kept:
        raise DataError(f"{name}: no pair in {folder} can be used: {_lost(counts, corpus.language)}")
    premise, hypothesis, label, _ = zip(*kept, strict=True)
    columns = [premise, hypothesis, label, [corpus.language] * len(kept), [name] * len(kept)]
    return pa.table([pa.array(column, pa.string()) for column in columns], schema=PAIRS), counts


def _lost(counts: Counter[str], language: str) -> str:
    """Why not one row of a corpus was kept, with the remedy."""
    rows = counts["read"] + counts["other_language"]
    if not rows:
        return "its files have no rows; is it the right file?"
    reasons = {
        "other_language": f"are in another language than {language}",
        "no_label": f"have no label ({', '.join(LABELS)})",
        "empty_sentence": "have an empty sentence",
    }
    found = ", ".join(f"{counts[key]} of {rows} rows {words}" for key, words in reasons.items() if counts[key])
    return f"{found}; is it the right file?"


def _reason(row: Row, language: str) -> str | None:
    """Why a row is left out, or None."""
    premise, hypothesis, label, stated = row
    if stated and stated != language:
        return "other_language"
    if label not in LABELS:
        return "no_label"
    return None if premise and hypothesis else "empty_sentence"


def _xnli_tsv(text: Text) -> Iterator[Row]:
    """XNLI's columns, tab-separated without quoting; ESXNLI has the same."""
    wanted = ("sentence1", "sentence2", "gold_label", "language")
    return ((premise, hypothesis, label, language) for premise, hypothesis, label, language in columns(text, wanted))


def _xnli_mt_tsv(text: Text) -> Iterator[Row]:
    """XNLI-MT's columns; it spells the third label `contradictory`."""
    for premise, hypothesis, label in columns(text, ("premise", "hypo", "label")):
        yield premise, hypothesis, "contradiction" if label == "contradictory" else label, ""


def columns(text: Text, wanted: Sequence[str]) -> Iterator[list[str]]:
    """The wanted columns of each row, stripped."""
    reader = csv.reader(text.lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    try:
        header = next(reader, None)
        if header is None:
            raise DataError(f"{text.label}, line 1: the file is empty; needed in its header: {', '.join(wanted)}")
        if missing := [column for column in wanted if column not in header]:
            raise DataError(f"{text.label}, line 1: no column {', '.join(missing)}; is it the right format?")
        places = [header.index(column) for column in wanted]
        for row in reader:
            if len(row) != len(header):
                where = f"{text.label}, line {reader.line_num}"
                raise DataError(
                    f"{where}: {len(row)} columns, but the header has {len(header)}; correct or drop the row"
                )
            yield [row[place].strip() for place in places]
    except csv.Error as error:
        raise DataError(f"{text.label}, line {reader.line_num}: {error}") from error


def _snli_jsonl(text: Text) -> Iterator[Row]:
    """SNLI's and MultiNLI's JSON lines."""
    return _objects(text, ("sentence1", "sentence2", "gold_label"))


def _objects(text: Text, keys: Sequence[str]) -> Iterator[Row]:
    """One object per line: under `keys` its premise, hypothesis and label."""
    for number, line in enumerate(text.lines, start=1):
        premise, hypothesis, label = _values(line, keys, text.label, number)
        yield premise.strip(), hypothesis.strip(), label.strip(), ""


def _values(line: str, keys: Sequence[str], label: str, number: int) -> list[str]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{label}, line {number}: not JSON ({error})") from error
    values: list[Any] = [row.get(key) for key in keys] if isinstance(row, dict) else [None]
    if not all(isinstance(value, str) for value in values):
        raise DataError(f"{label}, line {number}: {keys[0]}, {keys[1]} and {keys[2]} expected, each a text")
    # only an escape can bring one in
    if "\\u" in line and any(UNFIT.search(value) for value in values):
        raise DataError(f"{label}, line {number}: {UNFIT_FOUND}")
    return values


PARSERS: dict[str, Callable[[Text], Iterator[Row]]] = {
    "xnli_tsv": _xnli_tsv,
    "xnli_mt_tsv": _xnli_mt_tsv,
    "snli_jsonl": _snli_jsonl,
}
