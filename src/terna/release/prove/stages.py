"""Stages, run again in the scratch project on inputs that are those of the release."""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from terna.errors import DataError
from terna.provenance import described
from terna.records import read_record
from terna.release.lineage import RECORDS, Link
from terna.release.links import Fault, changed
from terna.release.prove import scratch as project
from terna.release.prove.finding import Finding, differs, faulty, proved, trusted
from terna.release.prove.released import Released
from terna.settings import Settings

TRAINED = Path("metrics/train.json")
# what the development score of a training on another kind of processor may differ by: its sums are rounded otherwise,
# and each step goes on from there
TRAINED_ELSEWHERE = 0.02


def cheap(settings: Settings) -> list[str]:
    """The stages that load no model but ours: seconds to minutes."""
    loads = {
        "translate": settings.translate.model is not None,
        "mine": settings.mine.encoder is not None,
        "teacher": settings.train.is_taught,
        "train": True,
        "evaluate": bool(settings.evaluate.systems),
    }
    return [stage for stage in RECORDS if not loads.get(stage)]


def again(released: Released, settings: Settings, chosen: Collection[str], scratch: Path) -> Iterator[Finding]:
    """Run each chosen stage whose inputs are there, and compare what it writes with the chain.

    Afterwards the files of the release lie in `scratch` again as they came.
    """
    for stage in RECORDS:
        link = released.links[stage]
        if stage not in chosen:
            yield trusted(stage, f"not run again; --stage {stage} does it{_size(stage, scratch)}")
        elif lacking := [fault.what for path, sha in link.read.items() for fault in changed(stage, scratch, path, sha)]:
            more = f" and {len(lacking) - 1} more" if len(lacking) > 1 else ""
            yield trusted(stage, f"not run again, since what it reads could not be made: {lacking[0]}{more}")
        elif status := project.run(stage, scratch, link.threads):
            yield trusted(stage, f"it could not be run again: status {status}; its message is above")
        else:
            yield from _compared(link, released, settings, scratch)
        project.lay(released, scratch)


def otherwise(link: Link, settings: Settings) -> list[str]:
    """In which respects this machine is another than the one that a stage ran on; where in none, bytes are the same."""
    here = described(link.stage, settings, [], threads=link.threads)
    # of our own code the commit says more
    packages = {name: held for name, held in link.packages.items() if name != "terna"}
    versions = {name: (held, here["packages"].get(name)) for name, held in packages.items()}
    reasons = [f"{name} {now or 'not installed'}, not {then}" for name, (then, now) in versions.items() if then != now]
    return reasons + ([f"{here['machine']}, not {link.machine}"] if here["machine"] != link.machine else [])


def _compared(link: Link, released: Released, settings: Settings, scratch: Path) -> Iterator[Finding]:
    faults = [fault for path, sha in link.wrote.items() for fault in changed(link.stage, scratch, path, sha)]
    reasons = otherwise(link, settings)
    if not faults:
        yield proved(link.stage, f"run again, it writes the bytes of the release: {len(link.wrote)} files")
    elif not reasons:
        yield from faulty(faults)
    elif link.stage == "train":
        yield _trained(faults, reasons, released, scratch)
    else:
        yield trusted(link.stage, _elsewhere(faults, reasons))


def _trained(faults: list[Fault], reasons: list[str], released: Released, scratch: Path) -> Finding:
    """The development score of a training elsewhere, within TRAINED_ELSEWHERE."""
    stated = released.files.get(f"release/{TRAINED}")
    if not stated:
        return trusted("train", _elsewhere(faults, reasons))
    expected, found = (_training(path).get("selected_score") for path in (stated, scratch / TRAINED))
    what = f"train: {TRAINED}: selected_score"
    if expected is None or found is None or abs(expected - found) > TRAINED_ELSEWHERE:
        return differs(what, expected, found, f"; within {TRAINED_ELSEWHERE} on another machine")
    return proved(what, f"{found}, stated {expected}, within {TRAINED_ELSEWHERE}; {_elsewhere(faults, reasons)}")


def _elsewhere(faults: list[Fault], reasons: list[str]) -> str:
    return f"run again, it writes other bytes ({len(faults)} files), which may be for {'; '.join(reasons)}"


def _size(stage: str, scratch: Path) -> str:
    """How long a training is, where that is known."""
    steps = _training(scratch / TRAINED).get("steps") if stage == "train" else None
    return f" ({steps} steps)" if steps else ""


def _training(path: Path) -> dict[str, Any]:
    """The content of a metrics/train.json; empty where it is broken or not there."""
    try:
        return read_record(path, {"steps": int, "selected_score": float}, "")
    except DataError:
        return {}
