"""What a link accepted and loaded from outside, against the settings of the release."""

from collections.abc import Iterator
from typing import Any

from terna.release.lineage import Link, accepted, raw_corpora
from terna.release.links import Fault
from terna.settings import Settings, named


def undeclared(link: Link, settings: Settings) -> Iterator[Fault]:
    """Each digest that it accepted, and each name of a model, that is another one in the settings."""
    for stage, folder, corpus in raw_corpora(settings):
        if stage == link.stage:
            yield from _others("accepted", link.stage, accepted(corpus, folder), link.accepted)
    if link.model is not None:
        declared = models(settings).get(link.stage, {})
        yield from _others("model", link.stage, declared, {key: link.model.get(key) for key in declared})


def models(settings: Settings) -> dict[str, dict[str, Any]]:
    """By stage, what the settings say of the model that it loads from outside."""
    found: dict[str, dict[str, Any]] = {}
    if settings.translate.model:
        found["translate"] = {"checkpoint": named(settings.translate.model.checkpoint)}
    if settings.mine.encoder:
        found["mine"] = {"where": named(settings.mine.encoder)}
    if settings.model.scratch is None:
        found["train"] = {"name": named(settings.model.backbone), "revision": settings.model.revision}
    return found


def _others(what: str, stage: str, declared: dict[str, Any], stated: dict[str, Any]) -> Iterator[Fault]:
    for key in declared | stated:
        expected, found = declared.get(key), stated.get(key)
        if expected != found:
            told = f"{what}: {key} is {found!r}, but the settings say {expected!r}"
            yield Fault(stage, f"{what}: {key}", expected, found, told, "")
