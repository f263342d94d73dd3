"""What is fetched, translated and trained on."""

from collections.abc import Iterator

from terna.settings.checks.corpus import faults_of
from terna.settings.checks.shapes import ROWS
from terna.settings.declaration import PARALLEL, Corpus
from terna.settings.schema import Evaluate, Fetch, Translate, Triplets
from terna.settings.training import Model


def check_corpora(corpora: dict[str, Corpus]) -> Iterator[str]:
    if not corpora:
        yield "corpora: the mix is empty; choose one of the files in conf/corpora/"
    for name, corpus in corpora.items():
        if corpus.scored and corpus.role != "train":
            yield f"corpora.{name}.role: {corpus.role}, so it is not trained on; list it under evaluate.benchmarks"
        if corpus.format in PARALLEL:
            yield f"corpora.{name}.format: {corpus.format} has no labels to train on; list it under parallel"
        yield from faults_of(f"corpora.{name}", corpus)


def check_parallel(parallel: dict[str, Corpus], translate: Translate, model: Model) -> Iterator[str]:
    for name, corpus in parallel.items():
        key = f"parallel.{name}"
        if corpus.format not in PARALLEL:
            yield f"{key}.format: {corpus.format} has no translations; a parallel corpus needs {', '.join(PARALLEL)}"
        if corpus.format == "moses" and any(len(file.members) != 2 for file in corpus.files):
            yield f"{key}.files: moses needs an archive with two members each, the source's and the target's text"
        if corpus.format == "lines" and len(corpus.files) % 2:
            yield f"{key}.files: {len(corpus.files)}, but lines needs pairs of them, the source's and the target's text"
        if corpus.language != translate.target:
            yield f"{key}.language: {corpus.language!r}, but the target is {translate.target!r}; choose another corpus"
        if corpus.source in (None, corpus.language):
            yield f"{key}.source: {corpus.source!r}; set it to the language its sentences are translated from"
        yield from faults_of(key, corpus)
    if model.vocabulary.words and not parallel:
        yield (
            "model.vocabulary.words: learnt from translated sentences, but there are none; choose a corpus "
            "(parallel=esxnli)"
        )


def check_languages(corpora: dict[str, Corpus], translate: Translate) -> Iterator[str]:
    codes = translate.model.codes if translate.model else {}
    for name, corpus in corpora.items():
        if corpus.kind != "nli" and corpus.language != translate.target:
            yield (
                f"corpora.{name}.language: {corpus.language!r}, but {ROWS[corpus.kind]} are not translated; choose a "
                f"corpus in {translate.target!r}"
            )
        elif translate.model is None and corpus.language != translate.target:
            yield (
                f"corpora.{name}.language: {corpus.language!r}, and nothing translates it into {translate.target!r}; "
                "choose a translation (translate=opus_mt) or another corpus"
            )
        elif codes and corpus.language not in codes:
            yield f"translate.model.codes: no code for {corpus.language!r}, the language of corpora.{name}; add it"
    if codes and translate.target not in codes:
        yield f"translate.model.codes: no code for the target, {translate.target!r}; add it"


def check_apart(corpora: dict[str, Corpus], evaluate: Evaluate) -> Iterator[str]:
    for name in corpora:
        if name in evaluate.benchmarks:
            yield f"corpora.{name}: also a benchmark; training on what is scored says nothing"


def check_held_out(corpora: dict[str, Corpus], triplets: Triplets, evaluate: Evaluate) -> Iterator[str]:
    origins = [(corpus.files, corpus.dataset) for corpus in corpora.values()]
    for name, one in evaluate.benchmarks.items():
        if one.is_held_out and one.origin in origins and triplets.drop_overlap == "none":
            yield (
                f"triplets.drop_overlap: none, so that what {name} holds out of it is trained on; set it to "
                "exact or near"
            )


def check_fetch(fetch: Fetch) -> Iterator[str]:
    known = [*fetch.corpora, *fetch.benchmarks]
    if fetch.only is not None and fetch.only not in known:
        yield f"fetch.only: no corpus is named {fetch.only!r}; there are {', '.join(known)}"
