"""The shape of a data file, and which columns hold its fields, by their names and by what is in them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import ceil, floor
from typing import Any

from terna.data.corpora import benchmark
from terna.data.corpora.values import MEANT
from terna.errors import DataError
from terna.records import LABELS as NLI
from terna.serving.new.looking import LABELS, Column, Looked
from terna.settings.declaration import FIELDS, SEVERAL

# what messages call the shapes
CALLED = {
    "nli": "pairs with labels of NLI",
    "pairs": "pairs that mean the same",
    "triplets": "triplets",
    "scored": "scored pairs",
    "classed": "pairs with a class",
    "texts": "raw text",
    "ranking": "a search",
}
# those that a file can be scored on by
SCORED_ON = ("scored", "classed", "ranking")
MARKS = {"nli": "label", "scored": "score", "classed": "class"}
# names of a column of scores beside those that the reader finds by itself
SCORES = ("score", "similarity", "similitud", "sim", "nota", "puntuación", "puntuacion", "gold", "relatedness")
BINARY = ("1", "0", "true", "false", "yes", "no", "sí", "si")
# scales that people score on, the first that holds all scores is taken
SCALES = ([0.0, 1.0], [-1.0, 1.0], [0.0, 5.0], [0.0, 10.0], [0.0, 100.0])

Columns = Mapping[str, Sequence[str | int]]
Meaning = str | int | None
# what labels may mean, by shape; None leaves a row out
MEANINGS: Mapping[str, tuple[Meaning, ...]] = {"nli": (*NLI, None), "classed": (1, 0)}


@dataclass(frozen=True)
class Taken:
    """What a file is taken for: its shape, the column of each field, what the labels mean, the scale of scores, why."""

    shape: str
    columns: dict[str, Any]
    labels: dict[str, Meaning] = field(default_factory=dict)
    scale: list[float] | None = None
    why: str = ""

    def declared(self) -> dict[str, Any]:
        """What of it stands in a declaration."""
        more = {"labels": self.labels, "scale": self.scale}
        return {"shape": self.shape, "columns": self.columns} | {name: value for name, value in more.items() if value}


def take(
    looked: Looked, shape: str | None, given: Columns, labels: Mapping[str, Meaning] | None = None, *, test: bool
) -> Taken:
    """The shape of a file and its columns.

    shape, given, labels: what the user says, the columns of some fields, and what labels mean. test: whether it is to
    be scored on. Raises DataError with what could be meant, and with the option that decides.
    """
    allowed = [*SCORED_ON] if test else [*FIELDS]
    shape = _labelled(looked, shape, labels) if labels else shape
    found = [shape] if shape else list(_shapes(looked, given, allowed))
    if len(found) != 1 or found[0] not in allowed:
        raise DataError(f"{looked.path}: {_undecided(looked, found, given, allowed)}")
    if strange := [name for name in given if name not in _fields(found[0])]:
        raise DataError(
            f"{looked.path}: --columns {strange[0]}: {CALLED[found[0]]} have {', '.join(_fields(found[0]))}"
        )
    columns, how = _filled(looked, found[0], given)
    how += "".join(_listed(looked, columns))
    return _meaning(looked, Taken(found[0], columns, why=how), labels or {})


def _labelled(looked: Looked, shape: str | None, labels: Mapping[str, Meaning]) -> str:
    """The shape whose labels have these meanings; DataError where there is none, or where another is said."""
    found = [one for one, meanings in MEANINGS.items() if set(labels.values()) <= set(meanings)]
    if not found or shape not in (None, *found):
        given = " ".join(f"{word}={_written(meaning)}" for word, meaning in labels.items())
        each = "; ".join(f"{CALLED[one]}: {', '.join(map(_written, MEANINGS[one]))}" for one in MEANINGS)
        raise DataError(
            f"{looked.path}: --labels {given}: no meanings of {CALLED.get(shape or '', 'one shape')}; {each}"
        )
    return found[0]


def _written(meaning: Meaning) -> str:
    return "null" if meaning is None else str(meaning)


def _undecided(looked: Looked, found: Sequence[str], given: Columns, allowed: Sequence[str]) -> str:
    there = f"its columns are {looked.described()}"
    if found and set(found) <= set(allowed):
        several = " or ".join(f"{CALLED[one]} (--shape {one})" for one in found)
        return f"could be {several}; {there}; choose it with --shape, and for other columns --columns FIELD=COLUMN"
    if given and not found:
        each = "; ".join(f"{one}: {', '.join(_fields(one))}" for one in allowed)
        return f"--columns {', '.join(given)}: no shape has just these fields; {there}; give all fields of one: {each}"
    taken = f"{CALLED.get(found[0], found[0])}, which are not for this" if found else "no shape fits"
    return f"{taken}; {there}; give --shape, one of {', '.join(allowed)}, and --columns FIELD=COLUMN"


def _shapes(looked: Looked, given: Columns, allowed: Sequence[str]) -> Iterator[str]:
    """The shapes that fit, by the fields whose columns are given, by names, then by content."""
    if given:
        yield from (one for one in allowed if set(_fields(one)) >= set(given) >= set(_required(one)))
        return
    texts, lists = looked.of("text"), looked.of("lists")
    if "ranking" in allowed and all(_named(looked, name) for name in _required("ranking")):
        yield "ranking"
    elif _named(looked, "anchor") and _named(looked, "positive"):
        yield "triplets" if _named(looked, SEVERAL) else "pairs"
    elif len(texts) == 1:
        yield "texts"
        # lists beside a text of any name may be its positives, or its negatives, or tags
        yield from ("pairs", "triplets") if lists and not texts[0].called("text") else ()
    elif pair := _pair(looked):
        yield from _paired(looked, pair)
    elif texts:
        yield from ("triplets", "pairs")


def _required(shape: str) -> tuple[str, ...]:
    return ("query", "document") if shape == "ranking" else FIELDS[shape]


def _fields(shape: str) -> tuple[str, ...]:
    """What may be given: of a search how relevant a document is, too."""
    return (*_required(shape), "score") if shape == "ranking" else _required(shape)


def _named(looked: Looked, name: str) -> list[Column]:
    return [column for column in looked.columns if column.called(name)]


def _pair(looked: Looked) -> list[Column]:
    """The two columns of sentences, by name or because there are no more."""
    for names in (FIELDS["nli"][:2], FIELDS["scored"][:2]):
        found = [_named(looked, name) for name in names]
        if all(len(each) == 1 for each in found):
            return [each[0] for each in found]
    texts = looked.of("text")
    return texts if len(texts) == 2 else []


def _paired(looked: Looked, pair: Sequence[Column]) -> Iterator[str]:
    """The shapes of two sentences with or without a mark."""
    marks = [column for column in looked.of("words", "number") if column not in pair]
    known = [column for column in marks if _score(column) or column.called("label") or column.called("class")]
    if not marks:
        yield "pairs"
        return
    shapes = [shape for column in known or marks for shape in _marked(column, pair, certain=bool(known))]
    yield from dict.fromkeys(shapes)


def _score(column: Column) -> bool:
    return isinstance(column.name, str) and (
        column.called("score") or any(word in column.name.casefold().split("_") for word in SCORES)
    )


def _marked(column: Column, pair: Sequence[Column], *, certain: bool) -> list[str]:
    """What the third column of pairs makes them; certain: it has a name that says that it is one."""
    words = {word.casefold() for word in column.words}
    unsure = [] if certain or isinstance(column.name, int) else ["pairs"]
    if column.labelled:
        return ["nli"]
    if words <= set(BINARY):
        return ["classed", "scored"] if _score(column) else ["classed"]
    if column.kind == "words":
        return ["classed", *unsure]
    if _score(column) or any(not number.is_integer() for number in column.numbers):
        return ["scored"]
    if words <= {"0", "1", "2"}:
        return ["nli"] if str(pair[0].name).casefold() == "premise" else ["nli", "classed", "scored"]
    return ["classed", "scored", *unsure]


def _filled(looked: Looked, shape: str, given: Columns) -> tuple[dict[str, Any], str]:
    """The column of each field, and how it was found; DataError for fields that no column can be told for."""
    fields, mark = _required(shape), MARKS.get(shape)
    if shape == "ranking" and ("score" in given or _named(looked, "score")):
        fields = (*fields, "score")
    found: dict[str, Any] = {name: _chosen(looked, name, given[name]) for name in fields if name in given}
    by_name = {name: _named(looked, name) for name in fields if name not in found}
    found |= {name: each for name, each in by_name.items() if len(each) == 1 or (each and name == SEVERAL)}
    # a column is one field's
    left = [column for column in looked.columns if all(column not in each for each in found.values())]
    if mark and mark not in found:
        marks = [column for column in left if column.kind in ("words", "number")]
        best = [column for column in marks if shape == "scored" and _score(column)] or marks
        found |= {mark: best} if len(best) == 1 else {}
    texts = [column for column in left if column.kind == "text"]
    missing = [name for name in fields if name not in found and name != mark]
    if (missing and len(texts) == len(missing)) or (missing[-1:] == [SEVERAL] and len(texts) > len(missing)):
        found |= {name: [column] for name, column in zip(missing, texts, strict=False)}
        found |= {SEVERAL: texts[len(missing) - 1 :]} if SEVERAL in missing else {}
    if lost := [name for name in fields if name not in found]:
        raise DataError(
            f"{looked.path}: {CALLED[shape]}, and which column is the {' and the '.join(lost)}? Its columns are "
            f"{looked.described()}; give --columns {' '.join(f'{name}=COLUMN' for name in lost)}"
        )
    columns = {name: [column.name for column in found[name]] for name in fields}
    shown = ", ".join(f"{name} is {' and '.join(map(str, names))}" for name, names in columns.items())
    return {name: names if name == SEVERAL else names[0] for name, names in columns.items()}, shown


def _listed(looked: Looked, columns: Mapping[str, Any]) -> Iterator[str]:
    """What lists in the columns of positives and negatives are taken for."""
    for name, told in (("positive", "each text gives a row"), (SEVERAL, "all texts are the row's")):
        given = columns.get(name, [])
        for one in given if isinstance(given, list) else [given]:
            [column] = [column for column in looked.columns if column.name == one]
            if column.lists:
                lengths = [len(each) for each in column.lists]
                yield f"; {one} has lists of {min(lengths)} to {max(lengths)}, of which {told}"


def _chosen(looked: Looked, name: str, wanted: Sequence[str | int]) -> list[Column]:
    """The columns that are given for a field."""
    found = [column for one in wanted for column in looked.columns if column.name == one]
    if len(found) != len(wanted) or (len(found) > 1 and name != SEVERAL):
        raise DataError(
            f"{looked.path}: --columns {name}: {', '.join(map(str, wanted))}, but its columns are {looked.described()}"
        )
    return found


def _meaning(looked: Looked, taken: Taken, said: Mapping[str, Meaning]) -> Taken:
    """With what labels mean, by what the user said of some, or the scale of scores."""
    mark = MARKS.get(taken.shape)
    if mark is None:
        return taken
    [column] = [each for each in looked.columns if each.name == taken.columns[mark]]
    words = [f"{word} ({count})" for word, count in sorted(column.words.items())]
    if taken.shape != "scored":
        held = f"{len(words)} words" if len(words) > 20 else ", ".join(words)
        if strange := said.keys() - {word.casefold() for word in column.words}:
            raise DataError(f"{looked.path}: --labels {min(strange)}: column {column.name} holds {held}")
        labels = _said(column, taken.shape, said) if said else _labels(column, taken.shape)
        meant = _told(column, labels) if taken.shape == "nli" or labels else ""
        return replace(taken, labels=labels, why=f"{taken.why}, which holds {held}{meant}")
    if not column.numbers:
        first = next(iter(column.words), "nothing")
        raise DataError(
            f"{looked.path}: column {column.name}: {first!r} is not a number, nor is another score; write 3.5, with a "
            "point, or give --shape or --columns"
        )
    low, high = min(column.numbers), max(column.numbers)
    scale = next(([*one] for one in SCALES if one[0] <= low and high <= one[1]), [float(floor(low)), float(ceil(high))])
    why = f"{taken.why}, from {low:g} to {high:g}, so the scale is {scale[0]:g} to {scale[1]:g}"
    return replace(taken, scale=scale, why=why)


def _told(column: Column, labels: Mapping[str, Meaning]) -> str:
    """What labels are taken to mean that do not say it themselves."""
    usual = {word: MEANT[word.casefold()] for word in sorted(column.words) if word.casefold() in MEANT}
    known = labels or usual
    meant = [
        f"{word} is left out" if label is None else f"{word} for {label}"
        for word, label in known.items()
        if str(label) != word.casefold()
    ]
    return f": {', '.join(meant)}" if meant else ""


def _said(column: Column, shape: str, said: Mapping[str, Meaning]) -> dict[str, Meaning]:
    """What the labels of a column mean that are named or say it themselves; reading refuses others."""
    known: dict[str, Meaning] = {**(LABELS if shape == "nli" else benchmark.MEANT), **said}
    return {word: known[word.casefold()] for word in sorted(column.words) if word.casefold() in known}


def _labels(column: Column, shape: str) -> dict[str, Meaning]:
    """What labels of NLI mean, where the reader does not know it by itself."""
    known: dict[str, Meaning] = {word: LABELS.get(word.casefold()) for word in sorted(column.words)}
    usual = {word.casefold() for word in column.words} <= MEANT.keys()
    strange = any(word.casefold() not in LABELS for word in column.words)
    return {} if shape != "nli" or usual or strange else known
