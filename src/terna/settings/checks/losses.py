"""What is learnt from which examples, and by which loss."""

from collections.abc import Iterator
from itertools import pairwise

from terna.settings.checks.shapes import LEARNT, ROWS, learnt
from terna.settings.declaration import Corpus
from terna.settings.training import Model, Train

# the losses by name of each kind of examples, the first where nobody chooses one
LOSSES = {
    "tuples": ("ranking",),
    "scored": ("cosent", "angle"),
    "classed": ("softmax",),
    "texts": ("simcse", "tsdae"),
}


# what goes with the ranking loss alone, and what turns it off
RANKING = {"symmetric": "false", "known_positives": "false", "guide": "null"}


# the value of a factor in conf/, which one that nothing reads is left at
SCALE = 20.0


def check_losses(corpora: dict[str, Corpus], train: Train) -> Iterator[str]:
    shapes = {corpus.kind for corpus in corpora.values()}
    for shape, (usual, *others) in LOSSES.items():
        key, chosen = f"train.loss.{shape}", getattr(train.loss, shape)
        if "." not in chosen and chosen not in (usual, *others):
            yield (
                f"{key}: no loss is named {chosen!r}; there are {', '.join((usual, *others))}, or give your own as "
                "package.module.function"
            )
        if chosen != usual and corpora and not shapes & set(LEARNT[shape]):
            kinds = " or ".join(ROWS[each] for each in LEARNT[shape])
            yield f"{key}: {chosen}, but the mix has no {kinds}; leave it at {usual}"
    if train.distill and train.loss.tuples != "ranking":
        yield "train.loss.tuples: only for ranked triplets, but train.distill ranks none; leave it at ranking"
    for name, off in RANKING.items():
        if train.loss.tuples != "ranking" and getattr(train, name):
            yield f"train.{name}: only for the ranking loss, but train.loss.tuples is another; set it to {off}"
    if "classed" in shapes and train.loss.classed == "softmax" and train.matryoshka:
        yield "train.matryoshka: the softmax loss of classed pairs reads whole vectors; set it to []"


def check_scales(corpora: dict[str, Corpus], train: Train) -> Iterator[str]:
    if not (shapes := {corpus.kind for corpus in learnt(corpora, train).values()}):
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


def check_scored(corpora: dict[str, Corpus], train: Train) -> Iterator[str]:
    corpora = learnt(corpora, train)
    scored = [corpus.scored for corpus in corpora.values()]
    kinds = (*LEARNT["tuples"], *(LEARNT["texts"] if train.loss.texts == "simcse" else ()))
    ranked = [corpus.kind in kinds for corpus in corpora.values()]
    if train.after and not (any(scored) and (train.distill or not all(scored))):
        yield "train.after: there are not both scored pairs and other data; set it to null"
    for name, off in RANKING.items():
        if corpora and not any(ranked) and not train.distill and getattr(train, name):
            rows = " and ".join(dict.fromkeys(ROWS[corpus.kind] for corpus in corpora.values()))
            yield f"train.{name}: only for ranked triplets, but the mix has only {rows}; set it to {off}"


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


def check_matryoshka(train: Train) -> Iterator[str]:
    if any(low >= high for low, high in pairwise(train.matryoshka)):
        yield f"train.matryoshka: {train.matryoshka} is not in ascending order; sort it and name each length once"


def check_width(model: Model, train: Train) -> Iterator[str]:
    # of a pretrained backbone without a head the width is known when it is loaded: the loss refuses then
    width = model.dense.out_features if model.dense else model.scratch.hidden_size if model.scratch else None
    longest = max(train.matryoshka, default=0)
    if width and longest > width:
        yield f"train.matryoshka: {longest}, but a sentence vector has {width} dimensions; lower it"
