"""Faults between fields that are each well-formed on their own.

Each check names, as its parameters, the groups that it compares: it runs when those are sound,
whatever is wrong elsewhere, so that one message can hold every fault.
"""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from itertools import pairwise
from typing import Any

from terna.settings.benchmark import DECIDED, RANKED
from terna.settings.corpus_checks import faults_of
from terna.settings.declaration import PARALLEL, Corpus
from terna.settings.plain import written
from terna.settings.schema import Evaluate, Fetch, Machine, Mine, Translate, Triplets
from terna.settings.training import Model, Train

# the losses by name of each kind of examples, the first where nobody chooses one
LOSSES = {
    "tuples": ("ranking",),
    "scored": ("cosent", "angle"),
    "classed": ("softmax",),
    "texts": ("simcse", "tsdae"),
}
# which shapes of corpora a loss of LOSSES learns from
LEARNT = {
    "tuples": ("nli", "pairs", "triplets"),
    "scored": ("scored",),
    "classed": ("classed",),
    "texts": ("texts",),
}
# what goes with the ranking loss alone, and what turns it off
RANKING = {"symmetric": "false", "known_positives": "false", "guide": "null"}
# the value of a factor in conf/, which one that nothing reads is left at
SCALE = 20.0
# the same of the group mine, where nothing is mined
UNMINED: Mapping[str, Any] = {
    "negatives": 4,
    "range_min": 0,
    "range_max": None,
    "absolute_margin": None,
    "relative_margin": 0.05,
    "max_score": None,
    "min_score": None,
    "sampling": "top",
    "others": "keep",
    "search": "exact",
}
# what messages call the rows of a shape
ROWS: Mapping[str, str] = {
    "nli": "labelled pairs",
    "pairs": "pairs without labels",
    "triplets": "triplets",
    "scored": "scored pairs",
    "classed": "classed pairs",
    "texts": "raw texts",
    "parallel": "translated sentences",
}


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
            yield f"{key}.source: {corpus.source!r}; say which language its sentences are translations of"
        yield from faults_of(key, corpus)
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
    for name in ("symmetric", "known_positives", "guide", "matryoshka", "similarity_distillation"):
        if getattr(train, name):
            yield f"train.{name}: a matter of ranked triplets, and train.distill ranks none; leave it at its default"
    for name in train.weights:
        if name in corpora and corpora[name].kind in (*LEARNT["tuples"], *LEARNT["texts"]):
            yield f"train.weights.{name}: a matter of ranked triplets, and train.distill ranks none; remove it"


def check_texts(corpora: dict[str, Corpus], train: Train) -> Iterator[str]:
    for name, corpus in corpora.items():
        if corpus.kind == "texts" and train.distill and train.distill.texts == "parallel":
            yield (
                f"corpora.{name}: raw text, and train.distill learns translations; set train.distill.texts to "
                "monolingual, or remove it"
            )
    if train.distill and train.loss.texts != "simcse":
        yield "train.loss.texts: train.distill learns raw text by the teacher's vectors; leave it at simcse"
    if train.loss.texts != "tsdae":
        return
    for name in ("matryoshka", "lora"):
        if getattr(train, name):
            reason = {"matryoshka": "reads whole vectors", "lora": "shares the encoder's weights with a decoder"}[name]
            yield f"train.{name}: the tsdae loss of raw text {reason}; leave it at its default"


def _learnt(corpora: dict[str, Corpus], train: Train) -> dict[str, Corpus]:
    """The corpora that are trained on: a weight of 0 leaves one to be read alone."""
    return {name: corpus for name, corpus in corpora.items() if train.weights.get(name, 1.0)}


def check_scored(corpora: dict[str, Corpus], train: Train) -> Iterator[str]:
    corpora = _learnt(corpora, train)
    scored = [corpus.scored for corpus in corpora.values()]
    kinds = (*LEARNT["tuples"], *(LEARNT["texts"] if train.loss.texts == "simcse" else ()))
    ranked = [corpus.kind in kinds for corpus in corpora.values()]
    if train.after and not (any(scored) and (train.distill or not all(scored))):
        yield "train.after: there are not both scored pairs and other data; set it to null"
    for name, off in RANKING.items():
        if corpora and not any(ranked) and not train.distill and getattr(train, name):
            rows = " and ".join(dict.fromkeys(ROWS[corpus.kind] for corpus in corpora.values()))
            yield f"train.{name}: a matter of ranked triplets, and the mix has only {rows}; set it to {off}"


def check_scales(corpora: dict[str, Corpus], train: Train) -> Iterator[str]:
    if not (shapes := {corpus.kind for corpus in _learnt(corpora, train).values()}):
        return
    tuples = train.loss.tuples == "ranking" and shapes & set(LEARNT["tuples"])
    texts = train.loss.texts == "simcse" and "texts" in shapes
    if train.scale != SCALE and (train.distill or not (tuples or texts)):
        yield (
            f"train.scale: {train.scale}, a factor in the ranking loss, and nothing learns by it; leave it at {SCALE}"
        )
    if train.cosent_scale != SCALE and not ("scored" in shapes and train.loss.scored in LOSSES["scored"]):
        yield (
            f"train.cosent_scale: {train.cosent_scale}, a factor in the losses {' and '.join(LOSSES['scored'])}, and "
            f"no scored pair is learnt by them; leave it at {SCALE}"
        )


def check_losses(corpora: dict[str, Corpus], train: Train) -> Iterator[str]:
    shapes = {corpus.kind for corpus in corpora.values()}
    for shape, (usual, *others) in LOSSES.items():
        key, chosen = f"train.loss.{shape}", getattr(train.loss, shape)
        if "." not in chosen and chosen not in (usual, *others):
            yield (
                f"{key}: no loss is called {chosen!r}; there are {', '.join((usual, *others))}, or give your own as "
                "package.module.function"
            )
        if chosen != usual and corpora and not shapes & set(LEARNT[shape]):
            kinds = " or ".join(ROWS[each] for each in LEARNT[shape])
            yield f"{key}: {chosen}, but the mix has no {kinds}; leave it at {usual}"
    if train.distill and train.loss.tuples != "ranking":
        yield "train.loss.tuples: a matter of ranked triplets, and train.distill ranks none; leave it at ranking"
    for name, off in RANKING.items():
        if train.loss.tuples != "ranking" and getattr(train, name):
            yield f"train.{name}: a matter of the ranking loss, and train.loss.tuples is another; set it to {off}"
    if "classed" in shapes and train.loss.classed == "softmax" and train.matryoshka:
        yield "train.matryoshka: the softmax loss of classed pairs reads whole vectors; set it to []"


def check_similarity_distillation(model: Model, train: Train) -> Iterator[str]:
    asked = train.similarity_distillation
    if asked and asked.teacher is None:
        yield from _start(model, "train.similarity_distillation.teacher")


def check_guide(model: Model, train: Train) -> Iterator[str]:
    asked, taught = train.guide, train.similarity_distillation
    if asked is None:
        return
    if asked.encoder is None:
        yield from _start(model, "train.guide.encoder")
    if taught and taught.teacher != asked.encoder:
        yield (
            f"train.guide.encoder: {asked.encoder or 'null'}, but train.similarity_distillation.teacher is "
            f"{taught.teacher or 'null'}, and one encoder is both; name the same"
        )
    if asked.relative and asked.margin >= 1:
        yield f"train.guide.margin: {asked.margin} is the whole similarity: no wrong answer is left; give less than 1"
    if not asked.relative and asked.margin > 2:
        yield f"train.guide.margin: {asked.margin}, but cosines differ by 2 at most: no wrong answer is left; lower it"
    if train.symmetric and asked.contrast_anchors:
        yield "train.guide.contrast_anchors: train.symmetric ranks the anchors already; set one of the two to false"


def check_mine(corpora: dict[str, Corpus], mine: Mine, train: Train) -> Iterator[str]:
    if mine.encoder is None:
        for name, usual in UNMINED.items():
            if (given := getattr(mine, name)) != usual:
                yield (
                    f"mine.{name}: {written(given)}, and mine.encoder is null, so that nothing is mined; name an "
                    f"encoder, or leave it at {written(usual)}"
                )
        return
    if mine.range_max is not None and mine.negatives > mine.range_max - mine.range_min:
        yield (
            f"mine.range_max: {mine.range_max} less range_min, {mine.range_min}, leaves fewer than negatives, "
            f"{mine.negatives}; raise it"
        )
    if mine.max_score is not None and mine.min_score is not None and mine.min_score >= mine.max_score:
        yield f"mine.min_score: {mine.min_score}, not below max_score, {mine.max_score}; lower it"
    if train.distill:
        yield "mine.encoder: negatives are for what is ranked, and train.distill ranks nothing; set it to null"
    elif (learnt := _learnt(corpora, train)) and not any(corpus.kind in LEARNT["tuples"] for corpus in learnt.values()):
        kinds = " and ".join(dict.fromkeys(ROWS[corpus.kind] for corpus in learnt.values()))
        yield f"mine.encoder: negatives are for what is ranked, and the mix has only {kinds}; set it to null"


def _start(model: Model, key: str) -> Iterator[str]:
    if model.scratch or model.dense:
        part = "its weights are" if model.scratch else "its Dense head is"
        yield f"{key}: null is the encoder that training starts from, and {part} random; name another teacher"


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


def check_fetch(fetch: Fetch) -> Iterator[str]:
    known = [*fetch.corpora, *fetch.benchmarks]
    if fetch.only is not None and fetch.only not in known:
        yield f"fetch.only: no corpus is called {fetch.only!r}; there are {', '.join(known)}"


def check_evaluate(evaluate: Evaluate) -> Iterator[str]:
    for name, corpus in evaluate.benchmarks.items():
        key = f"evaluate.benchmarks.{name}"
        if corpus.role == "train":
            yield f"{key}.role: a benchmark is for development or test, not train"
        if len(corpus.files) not in (0, 1, len(RANKED)) and corpus.shape == "ranking":
            yield (
                f"{key}.files: {len(corpus.files)}; a ranking needs three (documents, queries, which are relevant), or "
                "one of query, document and score"
            )
        yield from faults_of(key, corpus)


def check_splits(evaluate: Evaluate) -> Iterator[str]:
    for name, one in evaluate.benchmarks.items():
        partner = evaluate.partner_of(name)
        same = [
            other for other, each in evaluate.benchmarks.items() if (each.origin, other != name) == (one.origin, True)
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


def check_prompts(corpora: dict[str, Corpus], model: Model, evaluate: Evaluate) -> Iterator[str]:
    known = ["untouched", *evaluate.systems]
    for name in evaluate.prompts:
        if name not in known:
            yield (
                f"evaluate.prompts.{name}: no system is called {name!r}; there are {', '.join(known)}. Those of the "
                "model that is trained are model.prompts"
            )
    for name in model.prompts.corpora if model.prompts else ():
        if name not in corpora:
            yield f"model.prompts.corpora.{name}: no corpus of the mix is called so; there are {', '.join(corpora)}"
        elif corpora[name].kind == "texts":
            yield f"model.prompts.corpora.{name}: raw text has the default prompt; remove it"
    for name, prompts in evaluate.prompts.items():
        if prompts.corpora:
            yield f"evaluate.prompts.{name}.corpora: a matter of what is trained on; remove it"
    every = {f"evaluate.prompts.{name}": one for name, one in evaluate.prompts.items()}
    for key, one in ({"model.prompts": model.prompts} | every).items():
        if one and not (one.query or one.document):
            yield f"{key}: query and document are empty, so that nothing is put before a text; give one of them"


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


def check_weights(corpora: dict[str, Corpus], model: Model, train: Train) -> Iterator[str]:
    for name in train.weights:
        if name not in corpora:
            near = get_close_matches(name, corpora, n=1)
            meant = f"did you mean {near[0]}?" if near else f"there are {', '.join(corpora)}"
            yield f"train.weights.{name}: no corpus of the mix is called {name!r}; {meant}"
    if corpora and not any(train.weights.get(name, 1.0) for name in corpora):
        yield "train.weights: 0 for every corpus of the mix, so that nothing is trained on; raise one"
        return
    if model.vocabulary.keep:  # counts the words of a corpus that is not trained on
        return
    for shape, examples in ROWS.items():
        of_shape = [name for name, corpus in corpora.items() if corpus.kind == shape]
        if of_shape and not any(train.weights.get(name, 1.0) for name in of_shape):
            yield f"train.weights: 0 for every corpus of {examples}; take {', '.join(of_shape)} out of corpora"


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
    if train.embeddings_only and train.layer_decay != 1:
        yield (
            f"train.layer_decay: {train.layer_decay}, and with train.embeddings_only no layer is trained, so that it "
            "lowers the only rate there is; set it to 1.0"
        )
    if train.embeddings_only and train.lora:
        yield "train.embeddings_only: low-rank adapters train the layers; set one of the two to its default"


def check_averages(train: Train) -> Iterator[str]:
    for share in dict.fromkeys(train.wise_ft):
        if train.wise_ft.count(share) > 1:
            yield f"train.wise_ft: {share} more than once in {train.wise_ft}; name each share once"
    if train.wise_ft and train.lora:
        yield "train.wise_ft: averages of adapters are not those of the weights; set train.lora to null, or this to []"
    if train.ema is not None and train.lora:
        yield "train.ema: averages of adapters are not those of the weights; set train.lora or this to null"
    if train.soup and train.lora:
        yield "train.soup: averages of adapters are not those of the weights; set train.lora or this to null"
    if train.soup and train.ema is not None:
        yield "train.soup: a moving average would run across its trainings; set train.ema or this to null"
    if train.soup and train.patience is not None:
        yield "train.soup: patience would end all of its trainings at once; set train.patience or this to null"
    if train.after and train.patience is not None:
        yield (
            f"train.after: train.patience, {train.patience}, may end the whole run before the scored pairs are learnt; "
            "set train.patience or this to null"
        )
    if train.soup and train.after:
        yield "train.soup: each of its trainings has all kinds of examples mixed; set train.after or this to null"
    if train.l2_sp and train.lora:
        yield "train.l2_sp: adapters leave the weights where they start; set train.lora to null, or this to 0.0"


def check_devices(train: Train, machine: Machine) -> Iterator[str]:
    devices = machine.devices * machine.nodes
    if train.batch_size % devices:
        yield f"train.batch_size: {train.batch_size} is shared by {devices} devices; choose a multiple of {devices}"


CHECKS = (
    check_corpora,
    check_parallel,
    check_distill,
    check_texts,
    check_scored,
    check_scales,
    check_losses,
    check_similarity_distillation,
    check_guide,
    check_mine,
    check_apart,
    check_held_out,
    check_languages,
    check_fetch,
    check_evaluate,
    check_splits,
    check_selection,
    check_main_score,
    check_systems,
    check_prompts,
    check_model,
    check_weights,
    check_matryoshka,
    check_width,
    check_embeddings,
    check_averages,
    check_devices,
)
