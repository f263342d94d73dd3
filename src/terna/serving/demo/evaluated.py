"""What the release says of an encoder: how it compares with the lexical baselines, read without its weights."""

from pathlib import Path
from typing import Any

from terna.evaluation.table import BASELINES
from terna.evaluation.verdict import Verdict, proven, read
from terna.provenance import NAME
from terna.records import sha256_of
from terna.release.lineage import LINEAGE, VERDICTS, read_lineage

ENCODER = LINEAGE.parent / "encoder"


def told(path: Path) -> dict[str, Any] | None:
    """The verdicts on the model at `path`, and whether it is proven, as the page shows them; None: not evaluated here.

    Raises DataError if the release's record is broken.
    """
    found = _verdicts(path)
    return None if found is None else {"proven": proven(found), "verdicts": [_shown(one) for one in found]}


def _verdicts(path: Path) -> list[Verdict] | None:
    """Those in a released folder; those of a project's models/encoder are in the release that was made from it."""
    if (path / VERDICTS).is_file():
        return read(path / VERDICTS)
    root = path.absolute().parent.parent
    made, verdicts = path.absolute().parent / NAME, root / ENCODER / VERDICTS
    if not (made.is_file() and verdicts.is_file() and (root / LINEAGE).is_file()):
        return None
    trained = next(link for link in read_lineage(root / LINEAGE).chain if link.stage == "train")
    # the digest of the training's record, which has the digests of the weights
    return read(verdicts) if sha256_of(made) in trained.record.values() else None


def _shown(one: Verdict) -> dict[str, Any]:
    keys = {name: key for key, name in BASELINES.items()}
    return {
        "benchmark": one.benchmark,
        "use": one.use,
        "outcome": one.outcome.name.lower(),
        "baseline": keys.get(one.baseline, one.baseline),
        "score": one.score,
        "figures": [one.ours, one.theirs, one.difference, *one.ci95],
    }
