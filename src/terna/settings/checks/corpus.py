"""Faults within the declaration of one corpus."""

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from re import fullmatch

from terna.settings.declaration import COMMIT, SEVERAL, Corpus, HubDataset


def faults_of(key: str, corpus: Corpus) -> Iterator[str]:
    """The faults of the corpus that is declared under `key`."""
    yield from _scale(key, corpus)
    yield from _columns(key, corpus)
    yield from _files(key, corpus)


def _scale(key: str, corpus: Corpus) -> Iterator[str]:
    if corpus.scored and corpus.scale[0] >= corpus.scale[1]:
        yield f"{key}.scale: {corpus.scale} is not in ascending order"


def _columns(key: str, corpus: Corpus) -> Iterator[str]:
    """Faults of what goes with format columns alone, and of a column of each field."""
    if corpus.format != "columns":
        for name in ("dataset", "shape", "columns", "pairs", "labels"):
            if getattr(corpus, name):
                yield f"{key}.{name}: only for format columns, not {corpus.format}; remove it"
        return
    if corpus.shape is None:
        yield f"{key}.shape: missing; what a row is: {', '.join(corpus.shapes)}"
        return
    if corpus.pairs and corpus.shape != "texts":
        yield f"{key}.pairs: found in text (shape texts), not in {corpus.shape}; set it to null"
    if corpus.shape == "texts" and corpus.role != "train" and not corpus.pairs:
        yield f"{key}.pairs: null; set it to title_body or neighbours"
    if corpus.labels and corpus.shape != corpus.labelled:
        yield f"{key}.labels: only for shape {corpus.labelled}, not {corpus.shape}; remove it"
    if corpus.labels and all(label is None for label in corpus.labels.values()):
        yield f"{key}.labels: every label is null, so that no row is left; map one"
    for number, file in enumerate(corpus.files):
        if file.members:
            yield f"{key}.files.{number}.members: only for archives; name the files themselves"
    yield from _fields(key, corpus)
    if corpus.dataset is not None:
        yield from _dataset(key, corpus.dataset, corpus)


def _fields(key: str, corpus: Corpus) -> Iterator[str]:
    known = list(dict.fromkeys(field for fields in corpus.fields for field in fields))
    for field, column in corpus.columns.items():
        where, several = f"{key}.columns.{field}", isinstance(column, list)
        if field not in known:
            yield f"{where}: shape {corpus.shape} has {', '.join(known)}"
        elif several and (field != SEVERAL or not column):
            yield f"{where}: {column} is not one column; a list of some is for {SEVERAL} alone"
    for fields in corpus.fields:
        yield from _file(key, fields, corpus)


def _file(key: str, fields: Sequence[str], corpus: Corpus) -> Iterator[str]:
    """Faults of the columns of one file."""
    given = corpus.declared(fields)
    if len({type(column) for column in given}) > 1:
        yield f"{key}.columns: some by name and some by place; give places where a CSV has no header, else names"
    if twice := [column for column in given if given.count(column) > 1]:
        yield f"{key}.columns: {twice[0]!r} is named twice; give each field a column of its own"
    missing = [field for field in fields if field not in corpus.columns and field not in corpus.optional]
    if missing and any(isinstance(column, int) for column in given):
        yield f"{key}.columns: no place for {', '.join(missing)}; give one to each field where a CSV has no header"


def _dataset(key: str, dataset: HubDataset, corpus: Corpus) -> Iterator[str]:
    if corpus.files:
        yield f"{key}.files: a corpus has files or a dataset of the hub, not both; remove one"
    if corpus.exact and not fullmatch(COMMIT, dataset.revision or ""):
        yield (
            f"{key}.dataset.revision: {dataset.revision!r} is not a commit (40 hex digits); give one, or set "
            f"{key}.exact to false to accept the hub's newest commit and record it"
        )
    for number, name in enumerate(dataset.files):
        parts = PurePosixPath(name).parts
        if name.startswith("/") or ".." in parts or "\\" in name:
            yield f"{key}.dataset.files.{number}: {name!r} is not a path in a repository"


def _files(key: str, corpus: Corpus) -> Iterator[str]:
    if not corpus.files and corpus.dataset is None:
        yield f"{key}.files: empty; name its files, or a dataset of the hub"
    names: list[str] = []
    for number, file in enumerate(corpus.files):
        where = f"{key}.files.{number}"
        if corpus.exact and not file.sha256:
            yield f"{where}.sha256: empty; give the digest, or set {key}.exact to false to take any bytes"
        try:
            name = file.name
        except ValueError as error:
            yield f"{where}.addresses.0: {file.addresses[0]!r} is not an address ({error})"
            continue
        if name in ("", "..", "fetched.json") or name.startswith("."):
            yield f"{where}.addresses.0: {file.addresses[0]!r} does not end in the name of a file"
        if name in names:
            yield f"{where}.addresses.0: a second file named {name}; the files of a corpus need different names"
        names.append(name)
