"""The card as a whole: its sections in the order of the published one."""

from collections.abc import Mapping
from typing import Any

from terna.errors import DataError
from terna.release.card import architecture as modules
from terna.release.card import data, fit, front, results, usage
from terna.release.card import lineage as origin
from terna.release.lineage import Lineage
from terna.settings import Model, Settings, Train


def render(
    settings: Settings,
    *,
    width: int,
    architecture: str,
    scores: Mapping[str, Any],
    training: Mapping[str, Any],
    stats: Mapping[str, Any],
    lineage: Lineage,
) -> str:
    """The model card: Markdown with YAML front matter, the same whenever its arguments are.

    width: of the backbone's token vectors. architecture: the backbone's class. scores, training, stats: the contents
    of metrics/sts.json, metrics/train.json and data/triplets/stats.json. lineage: up to the weights. Raises DataError
    when these tell nothing of a benchmark or corpus of the settings.
    """
    check(settings, scores, stats)
    sections = [
        front.matter(settings, scores),
        f"# {settings.release.name}",
        _introduction(settings, width),
        usage.with_sentence_transformers(settings.release.repo),
        usage.with_transformers(settings.model, settings.release.repo),
        results.section(settings.evaluate, scores),
        "## Training",
        data.section(settings, stats),
        fit.section(settings, training),
        origin.section(lineage),
        modules.section(settings.model, width, architecture),
    ]
    return "\n\n".join(sections) + "\n"


def check(settings: Settings, scores: Mapping[str, Any], stats: Mapping[str, Any]) -> None:
    """Raise DataError when the figures or the accounts tell nothing of a benchmark or corpus of the settings."""
    for benchmark in settings.evaluate.benchmarks:
        if benchmark not in scores or benchmark not in scores.get("floors", {}):
            raise DataError(f"metrics/sts.json: nothing on {benchmark}; run the evaluate stage (dvc repro evaluate)")
        if benchmark not in stats["contamination"]["sentences"]:
            raise DataError(f"data/triplets/stats.json: nothing on {benchmark}; run the triplets stage (dvc repro)")
    for corpus in settings.corpora:
        if corpus not in stats["corpora"]:
            raise DataError(f"data/triplets/stats.json: nothing on {corpus}; run the triplets stage (dvc repro)")


def _introduction(settings: Settings, width: int) -> str:
    model = settings.model
    dimension = model.dense.out_features if model.dense else width
    return (
        "A [sentence-transformers](https://www.sbert.net) model for Spanish: it turns a sentence or a short paragraph "
        f"into a vector of {dimension} numbers, near the vectors of sentences that mean the same. Use it to search by "
        f"meaning, to cluster, or to find paraphrases.\n\n{_origin(model)} {_training(settings.train)}"
    )


def _training(train: Train) -> str:
    if train.distill:
        return (
            "It was trained by [distillation](https://arxiv.org/abs/2004.09813): on translated sentences it learned "
            f"the vectors that `{train.distill.teacher}` has of what was translated."
        )
    return (
        "It was trained as a bi-encoder, in the manner of [Sentence-BERT](https://arxiv.org/abs/1908.10084), on "
        "triplets drawn from natural language inference: a sentence, one that follows from it, one that contradicts it."
    )


def _origin(model: Model) -> str:
    if model.scratch:
        return "Its backbone started from random weights."
    revision = f", revision `{model.revision}`" if model.revision else ""
    if front.on_hub(model.backbone):
        return f"Its backbone is [{model.backbone}](https://huggingface.co/{model.backbone}){revision}."
    return f"Its backbone is `{model.backbone}`{revision}."
