"""`python -m terna new`: looks at files, says what it takes them for, and writes the experiment on them."""

import json
import re
import unicodedata
from argparse import Namespace
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from terna.errors import DataError
from terna.records import validated, write_text
from terna.serving.new import conf
from terna.serving.new.reading import Examples, benchmarks, examples
from terna.serving.new.roles import Given, HeldOut, Roles, roles
from terna.serving.new.shapes import CALLED
from terna.serving.new.words import sources
from terna.settings import Corpus, compose, is_hub_name
from terna.settings.declaration import SEVERAL

NAME = re.compile("[a-z][a-z0-9_-]{0,99}")
# the choice of conf/evaluate/ for a test of each shape
EVALUATE = {"scored": "own", "classed": "own_binary", "ranking": "own_ranking"}
# that for pairs held out of what is trained on, by its shape
HELD_OUT = {"texts": "own_text", "pairs": "own_pairs", "triplets": "own_pairs"}
# the largest share that is held out, and how many pairs are enough
SHARE, ENOUGH = 0.1, 1000
# SimCSE can make a strong start worse: as conf/experiment/own_text.yaml
GENTLY = {"epochs": 1, "lr": 1.0e-5, "score_every": 10}
# rows that are shown, and characters of a value
SHOWN, LONGEST = 5, 70


def new(asked: Namespace) -> Iterator[str]:
    """Write the experiment that trains on some files and is scored on another; yields what it decides, line by line.

    Raises DataError where a word of the user has to decide, and for rows that the stages would refuse; nothing is then
    written.
    """
    if not (conf.FOLDER / "config.yaml").is_file():
        raise DataError(f"{Path.cwd()}: no conf/config.yaml here; run it in the project's folder")
    given = roles(*sources(asked))
    name = _checked(asked.name or _slug(given.trained[0].source.path.stem))
    trained, learnt = dict(_named(given, name)), dict[str, Examples]()
    for corpus, one in trained.items():
        trained[corpus], learnt[corpus] = _learnt(corpus, one)
        yield from _shown(trained[corpus], f"trained on, {learnt[corpus].count} {learnt[corpus].unit}")
    held = None if given.test else _held_out(trained, learnt)
    try:
        written, told = _written(name, replace(given, held=held), trained, learnt, asked)
    except DataError as error:
        if held is None:
            raise
        written, told = _written(name, given, trained, learnt, asked)
        told = [f"No pairs can be held out of {held.given.source.path} ({error})", *told]
    conf.check_free(written, force=asked.force)
    yield from told
    for path, text in written.items():
        write_text(text, conf.FOLDER / path)
    yield f"Wrote {' and '.join(str(conf.FOLDER / path) for path in written)}. Run it:"
    yield f'  make run SET="experiment={name}"'


def _written(
    name: str, given: Roles, trained: Mapping[str, Given], learnt: Mapping[str, Examples], asked: Namespace
) -> tuple[dict[Path, str], list[str]]:
    """The settings files, and what is told of what is scored on, which was read; DataError as `new` says."""
    choices, settings = _settings(name, given, learnt, asked.model)
    declared = {corpus: _declared(one) for corpus, one in trained.items()}
    written = {
        Path("corpora") / f"{name}.yaml": conf.corpora(declared),
        Path("experiment") / f"{name}.yaml": conf.experiment(choices, settings),
    }
    composed = conf.composed(written, name)
    if composed.corpora != {corpus: _corpus(corpus, one) for corpus, one in trained.items()}:
        raise DataError(f"{name}: a name of a file, a column or a label is no text that settings can hold; rename it")
    return written, list(_scored(given, benchmarks(composed, _benchmarks(given))))


def _held_out(trained: Mapping[str, Given], learnt: Mapping[str, Examples]) -> HeldOut | None:
    """The first corpus that pairs can be held out of."""
    for name, one in trained.items():
        if one.taken.shape in HELD_OUT:
            return HeldOut(one, round(min(SHARE, ENOUGH / max(learnt[name].count, 1)), 6))
    return None


def _checked(name: str) -> str:
    if not NAME.fullmatch(name) or name in conf.WORDS:
        raise DataError(f"--name {name}: up to 100 lower-case letters, digits, - and _ are allowed, the first a letter")
    return name


def _slug(stem: str) -> str:
    """A file's name as one of an experiment."""
    letters = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode().lower()
    found = re.sub("[^a-z0-9]+", "_", letters).strip("_")[:90]
    return found if NAME.fullmatch(found) and found not in conf.WORDS else f"data_{found}".strip("_")


def _named(given: Roles, name: str) -> Iterator[tuple[str, Given]]:
    """What is trained on by the names of its corpora, which those of benchmarks are not."""
    if len(given.trained) == 1:
        yield (f"{name}-train" if name in ("own", "own-dev") else name), given.trained[0]
        return
    found: list[str] = []
    for one in given.trained:
        stem = _slug(one.source.path.stem)
        found.append(f"{stem}-{len(found) + 1}" if stem in (*found, "own", "own-dev") else stem)
        yield found[-1], one


def _learnt(name: str, given: Given) -> tuple[Given, Examples]:
    """A corpus and its examples; labelled pairs that give no triplet become pairs with a class.

    What is trained on has classes by their words, whatever they mean.
    """
    if given.taken.shape == "classed" and given.taken.labels:
        why = f"{given.taken.why}; trained on, so that each word is a class, whatever it means"
        given = replace(given, taken=replace(given.taken, labels={}, why=why))
    found = examples(name, _corpus(name, given), given.source.files)
    if given.taken.shape != "nli" or found.count:
        return given, found
    columns = dict(zip(("sentence1", "sentence2", "class"), given.taken.columns.values(), strict=True))
    why = "no sentence has both an entailment and a contradiction, so that the labels are learnt as classes"
    taken = replace(given.taken, shape="classed", columns=columns, labels={}, why=f"{given.taken.why}; {why}")
    classed = replace(given, taken=taken)
    return classed, examples(name, _corpus(name, classed), given.source.files)


def _declared(given: Given) -> dict[str, Any]:
    """The declaration of a corpus."""
    credit = {"licence": "unknown", "citation": "Own data."}
    return {"format": "columns", **given.taken.declared(), "language": "es", **credit, **given.files}


def _corpus(name: str, given: Given) -> Corpus:
    corpus: Corpus = validated(Corpus, _declared(given), name, "rename files and columns")
    return corpus


def _settings(
    name: str, given: Roles, learnt: Mapping[str, Examples], model: str
) -> tuple[dict[str, str], dict[str, Any]]:
    """The choices of the experiment, and what differs from them."""
    option, different = _model(model)
    scratch = compose(conf.FOLDER, [f"model={option}"])["model"]["scratch"] and not different
    gently = not scratch and all(one.unit == "texts" for one in learnt.values())
    choices = {
        "corpora": name,
        "triplets": "held_out",
        "model": option,
        "train": "smoke" if scratch else "minilm",
        "evaluate": _evaluated(given),
    }
    settings = {
        # what is chosen by is the benchmark, so that no triplet need be held out
        "triplets": {"dev_fraction": 0.0},
        "model": different,
        "train": {"batch_size": min(one.batch for one in learnt.values()), **(GENTLY if gently else {})},
        "evaluate": {"benchmarks": own} if (own := _own(given)) else {},
        "release": {"name": name, "repo": "release/encoder"},
    }
    return choices, {group: value for group, value in settings.items() if value}


def _model(word: str) -> tuple[str, dict[str, Any]]:
    """The option of conf/model/, and how an encoder that is none of them differs from it."""
    options = sorted(path.stem for path in (conf.FOLDER / "model").glob("*.yaml"))
    if word in options:
        return word, {}
    backbone, _, revision = word.partition("@")
    hub = "/" in backbone and is_hub_name(backbone)
    if not hub and not word.startswith("pkg:") and not Path(word).is_dir():
        raise DataError(
            f"--model {word}: give one of {', '.join(options)}, a folder, pkg:module/path, or owner/name@revision"
        )
    # with all the parts that it was saved with
    other = {"backbone": backbone if hub else word, "revision": (hub and revision) or None, "sha256": None}
    return "minilm", {**other, "pooling": None}


def _evaluated(given: Roles) -> str:
    """The choice of conf/evaluate/."""
    if given.test:
        return EVALUATE[given.test.taken.shape]
    return HELD_OUT[given.held.given.taken.shape] if given.held else "sample"


def _own(given: Roles) -> Mapping[str, Any]:
    """What differs from the benchmarks of that choice."""
    if given.held:
        # what is ranked are anchors and positives alone
        own = {name: column for name, column in given.held.given.taken.columns.items() if name != SEVERAL}
        return {"own-dev": {"columns": own, "held_out": given.held.share, **given.held.given.files}}
    if given.test is None:
        return {}
    [test, *dev] = [{**_told(one), **one.files} for one in (given.test, given.dev) if one]
    return {"own": test | {"split": None}, "own-dev": dev[0]} if dev else {"own": test}


def _told(given: Given) -> dict[str, Any]:
    return {name: value for name, value in given.taken.declared().items() if name != "shape" and value}


def _benchmarks(given: Roles) -> dict[str, list[Path]]:
    """The files of each benchmark of one's own."""
    if given.held:
        return {"own-dev": given.held.given.source.files}
    if given.test is None:
        return {}
    return {"own-dev": (given.dev or given.test).source.files, "own": given.test.source.files}


def _scored(given: Roles, read: Iterator[str]) -> Iterator[str]:
    found = list(read)
    if given.held:
        pairs = "neighbouring sentences" if given.held.given.taken.shape == "texts" else "pairs"
        yield f"Scored on {pairs} held out of {given.held.given.source.path}, each to find its other half: {found[0]}"
        yield "  They choose the checkpoint, and nothing tests it. To test it, give scored pairs with --test FILE."
        return
    if given.test is None:
        yield (
            "No file to score on: the scored pairs in samples/ choose the checkpoint and test it. To use your own, "
            "give scored pairs with --test FILE."
        )
        return
    yield from _shown(given.test, "scored on")
    if given.dev:
        yield from _shown(given.dev, "chosen by")
    common = "query" if given.test.taken.shape == "ranking" else "sentence"
    apart = "" if given.dev else f", two parts of this file without a {common} in common"
    yield f"  {', '.join(found)}{apart}; compared with the start, untouched, and with lexical baselines"


def _shown(given: Given, use: str) -> Iterator[str]:
    """What a file is taken for and why, and its first rows."""
    looked, taken = given.looked, given.taken
    rows = f"{looked.rows} rows" if looked.whole else f"more than {looked.rows} rows, of which these were looked at"
    # of several files one was looked at
    many = f"{len(given.source.files)} files" if len(given.source.files) > 1 else rows
    yield f"{given.source.path}: {CALLED[taken.shape]} (shape {taken.shape}), {many}; {use}"
    yield f"  {taken.why}"
    names = [name for each in taken.columns.values() for name in (each if isinstance(each, list) else [each])]
    columns = [column for name in names for column in looked.columns if column.name == name] or looked.columns
    for row in zip(*(column.values[:SHOWN] for column in columns), strict=True):
        yield f"  {' | '.join(map(_cell, row))}"


def _cell(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
