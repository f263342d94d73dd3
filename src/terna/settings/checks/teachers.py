"""Encoders that teach or guide another."""

from collections.abc import Iterator

from terna.settings.checks.shapes import LEARNT
from terna.settings.declaration import Corpus
from terna.settings.training import Model, Train


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
        yield "train.distill: learnt from translated sentences, but there are none; choose a corpus (parallel=esxnli)"
    for name in ("symmetric", "known_positives", "guide", "matryoshka", "similarity_distillation"):
        if getattr(train, name):
            yield f"train.{name}: only for ranked triplets, but train.distill ranks none; leave it at its default"
    for name in train.weights:
        if name in corpora and corpora[name].kind in (*LEARNT["tuples"], *LEARNT["texts"]):
            yield f"train.weights.{name}: only for ranked triplets, but train.distill ranks none; remove it"


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


def _start(model: Model, key: str) -> Iterator[str]:
    if model.scratch or model.dense:
        part = "its weights are" if model.scratch else "its Dense head is"
        yield f"{key}: null is the encoder that training starts from, and {part} random; name another teacher"
