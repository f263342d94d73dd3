"""Faults between fields that are each well-formed on their own.

Each check names, as its parameters, the groups that it compares: it runs when those are sound,
whatever is wrong elsewhere, so that one message can hold every fault.
"""

from collections.abc import Iterator
from difflib import get_close_matches
from itertools import pairwise

from terna.settings.benchmark import COLUMNS, DECIDED, Benchmark
from terna.settings.declaration import PARALLEL, Corpus
from terna.settings.schema import Evaluate, Fetch, Machine, Translate
from terna.settings.training import Model, Train


def check_corpora(corpora: dict[str, Corpus]) -> Iterator[str]:
    if not corpora:
        yield "corpora: the mix is empty; choose one of the files in conf/corpora/"
    for name, corpus in corpora.items():
        if corpus.scored and corpus.role != "train":
            yield f"corpora.{name}.role: {corpus.role}, so it is not trained on; list it under evaluate.benchmarks"
        if corpus.format in PARALLEL:
            yield f"corpora.{name}.format: {corpus.format} has no labels to train on; list it under parallel"
        yield from _scale(f"corpora.{name}", corpus)
        yield from _files(f"corpora.{name}", corpus)


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
            yield f"{key}.source: {corpus.source!r}; say which language its sentences are translations of"
        yield from _files(key, corpus)
    if model.vocabulary.words and not parallel:
        yield (
            "model.vocabulary.words: learnt from translated sentences, and there are none; choose some "
            "(parallel=esxnli)"
        )


def check_distill(corpora: dict[str, Corpus], parallel: dict[str, Corpus], model: Model, train: Train) -> Iterator[str]:
    asked = train.distill
    if asked is None:
        return
    if asked.teacher is None:
        yield from _start(model, "train.distill.teacher")
    if not asked.vectors and not asked.similarities:
        yield "train.distill.vectors: 0, and so is similarities: nothing is learnt; raise one"
    if asked.sources and asked.texts == "monolingual":
        yield "train.distill.sources: monolingual text has no translations; set it to false"
    if asked.texts == "parallel" and not parallel:
        yield "train.distill: learnt from translated sentences, and there are none; choose some (parallel=esxnli)"
    for name in ("symmetric", "known_positives", "matryoshka", "similarity_distillation"):
        if getattr(train, name):
            yield f"train.{name}: a matter of ranked triplets, and train.distill ranks none; leave it at its default"
    for name in train.weights:
        if name in corpora and not corpora[name].scored:
            yield f"train.weights.{name}: a matter of ranked triplets, and train.distill ranks none; remove it"


def check_scored(corpora: dict[str, Corpus], train: Train) -> Iterator[str]:
    scored = [corpus.scored for corpus in corpora.values()]
    if train.order == "after" and not (any(scored) and (train.distill or not all(scored))):
        yield "train.order: after, but there are not both scored pairs and other data; leave it at mixed"
    for name in ("symmetric", "known_positives"):
        if scored and all(scored) and not train.distill and getattr(train, name):
            yield f"train.{name}: a matter of ranked triplets, and the mix has only scored pairs; set it to false"


def check_similarity_distillation(model: Model, train: Train) -> Iterator[str]:
    asked = train.similarity_distillation
    if asked and asked.teacher is None:
        yield from _start(model, "train.similarity_distillation.teacher")


def _start(model: Model, key: str) -> Iterator[str]:
    if model.scratch or model.dense:
        part = "its weights are" if model.scratch else "its Dense head is"
        yield f"{key}: null is the encoder that training starts from, and {part} random; name another teacher"


def check_apart(corpora: dict[str, Corpus], evaluate: Evaluate) -> Iterator[str]:
    for name in corpora:
        if name in evaluate.benchmarks:
            yield f"corpora.{name}: also a benchmark; training on what is scored says nothing"


def check_languages(corpora: dict[str, Corpus], translate: Translate) -> Iterator[str]:
    codes = translate.model.codes if translate.model else {}
    for name, corpus in corpora.items():
        if corpus.scored and corpus.language != translate.target:
            yield (
                f"corpora.{name}.language: {corpus.language!r}, but scored pairs are not translated; choose a corpus "
                f"in {translate.target!r}"
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


def check_fetch(fetch: Fetch) -> Iterator[str]:
    known = [*fetch.corpora, *fetch.benchmarks]
    if fetch.only is not None and fetch.only not in known:
        yield f"fetch.only: no corpus is called {fetch.only!r}; there are {', '.join(known)}"


def check_evaluate(evaluate: Evaluate) -> Iterator[str]:
    for name, corpus in evaluate.benchmarks.items():
        key = f"evaluate.benchmarks.{name}"
        if corpus.role == "train":
            yield f"{key}.role: a benchmark is for development or test, not train"
        yield from _scale(key, corpus)
        yield from _files(key, corpus)
        yield from _columns(key, corpus)


def check_splits(evaluate: Evaluate) -> Iterator[str]:
    for name, one in evaluate.benchmarks.items():
        partner = evaluate.partner_of(name)
        same = [
            other for other, each in evaluate.benchmarks.items() if (each.files, other != name) == (one.files, True)
        ]
        if same and partner is None:
            yield (
                f"evaluate.benchmarks.{name}.files: those of {same[0]} too, so that both hold the same; give other "
                "files, or a role of its own and a split"
            )
        elif one.split and partner is None:
            yield (
                f"evaluate.benchmarks.{name}.split: no benchmark of another role has the same files to share; set it "
                "to null, so that all of them count"
            )
        if partner and vars(one) | {"role": None} != vars(evaluate.benchmarks[partner]) | {"role": None}:
            yield (
                f"evaluate.benchmarks.{name}: shares its files with {partner}, so all but the role is to be the same; "
                f"refer to the other's, as in ${{evaluate.benchmarks.{partner}.columns}}"
            )


def check_selection(evaluate: Evaluate) -> Iterator[str]:
    benchmarks, chosen = evaluate.benchmarks, evaluate.select_on
    if chosen not in benchmarks:
        yield f"evaluate.select_on: no benchmark is called {chosen!r}; there are {', '.join(benchmarks)}"
    elif benchmarks[chosen].role == "test" and not evaluate.replication:
        yield (
            f"evaluate.select_on: {chosen} is a test benchmark; choose on one with role development, or declare a "
            "replication of a protocol that chose on it (evaluate.replication=true)"
        )
    elif evaluate.replication and benchmarks[chosen].role != "test":
        yield f"evaluate.replication: {chosen} is no test benchmark, so nothing is chosen on one; set it to false"


def check_main_score(evaluate: Evaluate) -> Iterator[str]:
    score, chosen = evaluate.main_score, evaluate.benchmarks.get(evaluate.select_on)
    if score.partition("_")[2] in DECIDED:
        yield f"evaluate.main_score: {score} hangs on a threshold, which the same data choose; take cosine_ap"
    elif chosen and score not in chosen.figures:
        yield (
            f"evaluate.main_score: {score} is no figure of {evaluate.select_on}, whose task is {chosen.task}; choose "
            f"one of {', '.join(name for name in chosen.figures if name.partition('_')[2] not in DECIDED)}"
        )


def check_systems(evaluate: Evaluate) -> Iterator[str]:
    if "untouched" in evaluate.systems:
        yield "evaluate.systems.untouched: the name of the backbone as it came; choose another"
    for name, where in evaluate.systems.items():
        if where.startswith(("http:", "https:")):
            yield f"evaluate.systems.{name}: {where} is an address; download the file, or give the name on the hub"


def check_model(model: Model) -> Iterator[str]:
    if (model.backbone == "scratch") != (model.scratch is not None):
        yield "model.scratch: give the shape exactly when model.backbone is 'scratch'"
    if model.scratch and model.scratch.hidden_size % model.scratch.heads:
        yield f"model.scratch.heads: {model.scratch.heads} does not divide hidden_size {model.scratch.hidden_size}"
    if model.scratch and model.pooling is None:
        yield "model.pooling: from scratch there is no encoder to take it from; choose mean, cls or max"
    for key, asked in vars(model.vocabulary).items():
        if model.scratch and asked:
            yield f"model.vocabulary.{key}: from scratch, a vocabulary is fitted on the sentences; set it to null"
    if (keep := model.vocabulary.keep) and not keep.min_count and keep.size is None:
        yield "model.vocabulary.keep: min_count 0 and no size keep every entry; set one of them, or this to null"
    if model.scratch and model.layers:
        yield "model.layers: from scratch, model.scratch.layers says how many there are; set it to null"
    if model.layers and any(low >= high for low, high in pairwise(model.layers)):
        yield f"model.layers: {model.layers} does not rise; sort it and name each layer once"
    if model.revision and model.backbone.startswith("pkg:"):
        yield "model.revision: a package has no revisions; pin the package's version instead"


def check_weights(corpora: dict[str, Corpus], train: Train) -> Iterator[str]:
    for name in train.weights:
        if name not in corpora:
            near = get_close_matches(name, corpora, n=1)
            meant = f"did you mean {near[0]}?" if near else f"there are {', '.join(corpora)}"
            yield f"train.weights.{name}: no corpus of the mix is called {name!r}; {meant}"
    if corpora and not any(train.weights.get(name, 1.0) for name in corpora):
        yield "train.weights: 0 for every corpus of the mix, so that nothing is trained on; raise one"
        return
    for kind, scored in (("labelled", False), ("scored", True)):
        of_kind = [name for name, corpus in corpora.items() if corpus.scored == scored]
        if of_kind and not any(train.weights.get(name, 1.0) for name in of_kind):
            yield f"train.weights: 0 for every corpus of {kind} pairs; take {', '.join(of_kind)} out of corpora"


def check_matryoshka(train: Train) -> Iterator[str]:
    if any(low >= high for low, high in pairwise(train.matryoshka)):
        yield f"train.matryoshka: {train.matryoshka} does not rise; sort it and name each length once"


def check_width(model: Model, train: Train) -> Iterator[str]:
    # of a pretrained backbone without a head the width is known when it is loaded: the loss refuses then
    width = model.dense.out_features if model.dense else model.scratch.hidden_size if model.scratch else None
    longest = max(train.matryoshka, default=0)
    if width and longest > width:
        yield f"train.matryoshka: {longest}, but a sentence vector has {width} dimensions; lower it"


def check_embeddings(train: Train) -> Iterator[str]:
    if train.embeddings_only and train.lora:
        yield "train.embeddings_only: low-rank adapters train the layers; set one of the two to its default"


def check_averages(train: Train) -> Iterator[str]:
    if train.wise_ft and train.lora:
        yield "train.wise_ft: averages of adapters are not those of the weights; set train.lora to null, or this to []"
    if train.ema is not None and train.lora:
        yield "train.ema: averages of adapters are not those of the weights; set train.lora or this to null"
    if train.l2_sp and train.lora:
        yield "train.l2_sp: adapters leave the weights where they start; set train.lora to null, or this to 0.0"


def check_devices(train: Train, machine: Machine) -> Iterator[str]:
    devices = machine.devices * machine.nodes
    if train.batch_size % devices:
        yield f"train.batch_size: {train.batch_size} is shared by {devices} devices; choose a multiple of {devices}"


def _scale(key: str, corpus: Corpus) -> Iterator[str]:
    if corpus.scored and corpus.scale[0] >= corpus.scale[1]:
        yield f"{key}.scale: {corpus.scale} does not rise"


def _columns(key: str, one: Benchmark) -> Iterator[str]:
    if one.task != "sts" and one.format != "columns":
        yield f"{key}.format: {one.format} holds scored pairs alone; task {one.task} needs format columns"
    if one.columns is not None and one.format != "columns":
        yield f"{key}.columns: a matter of format columns, and the format is {one.format}; remove it"
    if one.task == "ranking" and len(one.files) not in (1, 3):
        yield (
            f"{key}.files: {len(one.files)}; a ranking needs three (documents, queries, which are relevant), or one "
            "of query, document and score"
        )
    declared = one.columns or {}
    for column in declared:
        if column not in COLUMNS[one.task]:
            yield f"{key}.columns.{column}: no column of task {one.task}; there are {', '.join(COLUMNS[one.task])}"
    places = [place for place in declared.values() if isinstance(place, int)]
    if any(place < 1 for place in places):
        yield f"{key}.columns: places are counted from 1, and {min(places)} is none"
    if len(one.files) > 1 and one.task == "ranking":  # each file has columns of its own
        return
    if places and len(places) < len(declared):
        yield f"{key}.columns: {declared} mixes names and places; a table has a header, or none"
    if len(set(declared.values())) < len(declared):
        yield f"{key}.columns: {declared} names a column twice"


def _files(key: str, corpus: Corpus) -> Iterator[str]:
    names: list[str] = []
    for number, file in enumerate(corpus.files):
        where = f"{key}.files.{number}"
        if corpus.exact and not file.sha256:
            yield f"{where}.sha256: empty; give the digest, or set {key}.exact to false to take any bytes"
        try:
            name = file.name
        except ValueError as error:
            yield f"{where}.addresses.0: {file.addresses[0]!r} is no address ({error})"
            continue
        if name in ("", "..", "fetched.json") or name.startswith("."):
            yield f"{where}.addresses.0: {file.addresses[0]!r} does not end in the name of a file"
        if name in names:
            yield f"{where}.addresses.0: a second file called {name}; only files of unlike names can lie together"
        names.append(name)


CHECKS = (
    check_corpora,
    check_parallel,
    check_distill,
    check_scored,
    check_similarity_distillation,
    check_apart,
    check_languages,
    check_fetch,
    check_evaluate,
    check_splits,
    check_selection,
    check_main_score,
    check_systems,
    check_model,
    check_weights,
    check_matryoshka,
    check_width,
    check_embeddings,
    check_averages,
    check_devices,
)
