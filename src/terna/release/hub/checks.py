"""What a release must not go out with: another name, an old card, a licence that is not its data's, other figures."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from terna.data.evaluators import read_evaluators
from terna.encoder import Encoder
from terna.errors import PublishError
from terna.evaluation.measure import outcomes
from terna.metrics.task import figures
from terna.release.card import differing, emissions, fill
from terna.release.card.licence import licence_of
from terna.release.lineage import EMISSIONS, Lineage
from terna.release.links import REMAKE
from terna.settings import Corpus, Settings
from terna.settings.benchmark import UNITS

# What a figure, and the cosine of a pair, may differ by when they are computed again, perhaps on another machine:
# rounding is a hundredth of it, and no table shows it.
TOLERANCE = 1e-4
REMEASURE = "evaluate and release again (dvc repro -s -f evaluate; dvc repro)"


def named(settings: Settings, repo: str) -> None:
    """Raise PublishError unless `repo` is a name that the hub takes, and the one that the card's programs load."""
    check_name(repo)
    if settings.release.repo != repo:
        raise PublishError(
            f"release.repo is {settings.release.repo!r}, which the card's programs load, not {repo!r}; set it "
            f"and make the release again: dvc exp run -S release.repo={repo}, beside the run's other -S"
        )


def no_debug_run(settings: Settings) -> None:
    """Raise PublishError for a debug run."""
    if settings.train.debug:
        raise PublishError("train.debug: a debug run is not a result; run the pipeline without it (-S debug=none)")


def check_name(repo: str) -> None:
    """Raise PublishError unless `repo` is a name that the hub takes: owner/name."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

    try:
        validate_repo_id(repo)
    except HFValidationError as error:
        raise PublishError(f"{repo!r} is not a repository name: {error}") from error
    if repo.count("/") != 1:
        raise PublishError(f"{repo!r} is not a repository name: owner/name is expected")


def fresh(settings: Settings, lineage: Lineage, card: Path) -> None:
    """Raise PublishError, with the first line that differs, when `card` is not what the settings and figures make."""
    measured = emissions.of_release(card.parent / EMISSIONS)
    found, expected = card.read_text(encoding="utf-8"), fill(settings, lineage, measured)
    for number, _, now in differing(found, expected):
        shown = "nothing" if now is None else repr(now)
        raise PublishError(f"{card}, line {number}: the card is old; it would now say {shown}: {REMAKE}")


def licensed(corpora: Mapping[str, Corpus], card: Path, checked: bool) -> str:
    """The licence in the card's front matter; PublishError when it is not the data's, or that is not known.

    checked: somebody has found out that what has no known licence may be used so.
    """
    from huggingface_hub import metadata_load

    stated, allowed = str((metadata_load(card) or {}).get("license")), licence_of(corpora)
    due = allowed.identifier
    if stated != due:
        raise PublishError(f"{card}: its licence is {stated}, but the data allow {due}; {REMAKE}")
    unknown = ", ".join(f"{name} ({licence})" for name, licence in allowed.unranked.items())
    if unknown and not checked:
        raise PublishError(
            f"the terms of {unknown} are not known here: ask its authors, and give --licence-checked if it may be "
            f"published as {due}; or train on other corpora"
        )
    return stated


def reproduced(encoder: Encoder, settings: Settings, scores: Mapping[str, Any], root: Path) -> Iterator[str]:
    """Encode each benchmark again and yield a line for each whose figures and outcomes are those on record.

    scores: the content of metrics/sts.json. root: the project's. Raises PublishError for what differs by more than
    TOLERANCE.
    """
    evaluators = read_evaluators(settings.evaluate, root / "data/raw/sts")
    again = outcomes(encoder, evaluators)
    for name, one in evaluators.items():
        for figure, found in figures(one.metric, again[name]).items():
            _same(f"metrics/sts.json, {name}: {figure}", scores[name][figure], found)
        path, unit = f"predictions/{name}.parquet", UNITS[settings.evaluate.benchmarks[name].task]
        for column, values in one.columns("cosine", again[name]["cosine"]).items():
            stored = pq.read_table(root / path, columns=[column])[column].to_numpy()
            if stored.shape != values.shape:
                raise PublishError(f"{path}: {len(stored)} {unit}, expected {len(values)}; {REMEASURE}")
            row = int(np.abs(stored - values).argmax())
            _same(f"{path}, row {row}: {column}", float(stored[row]), float(values[row]))
        yield f"{name}: the encoder gives the figures on record, {unit} {one.units.num_rows}"


def _same(what: str, recorded: float | None, found: float | None) -> None:
    same = recorded == found if recorded is None or found is None else abs(recorded - found) <= TOLERANCE
    if not same:
        raise PublishError(f"{what} is {recorded}, but release/encoder gives {found}; {REMEASURE}")
