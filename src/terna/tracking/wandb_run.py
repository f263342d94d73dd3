"""A run of W&B on the disk: started without a network, and found again by what it trained."""

import os
import secrets
from dataclasses import asdict
from pathlib import Path
from typing import Any

from terna.errors import DataError
from terna.records import read_record, rerun, sha256_of, write_json
from terna.settings import Settings, published

# in the folder of logs: the run's id, and the digest of the record of what it trained
KEPT = "wandb.json"


def start(settings: Settings, folder: Path, run_id: str | None = None) -> Any:
    """Start a run, or resume the one of `run_id`; its files lie in folder/wandb, or where WANDB_DIR says.

    Nothing is asked of the service: it is an offline run of W&B.
    """
    import wandb

    place = Path(os.environ.get("WANDB_DIR") or folder)
    place.mkdir(parents=True, exist_ok=True)
    # what an artifact is packed from lies beside the run's records until it is sent
    os.environ.setdefault("WANDB_DATA_DIR", str(place.resolve()))
    return wandb.init(
        mode="offline",
        id=run_id or os.environ.get("WANDB_RUN_ID") or secrets.token_hex(4),
        resume="allow" if run_id else None,
        name=run_name(settings),
        config=asdict(published(settings)),
        dir=place,
        settings=wandb.Settings(silent=True),
        **{name: getattr(settings.logger, name) for name in ("project", "entity", "group", "tags")},
    )


def close(run: Any) -> None:
    """End a run; its record is then whole on the disk."""
    import wandb

    run.finish()
    wandb.teardown()  # the process that writes the record has ended: finish alone leaves it writing


def wanted(settings: Settings) -> bool:
    """Whether settings ask for a run, and WANDB_MODE does not forbid it."""
    return settings.logger.wandb and os.environ.get("WANDB_MODE") != "disabled"


def run_name(settings: Settings) -> str:
    """What a run is called: as settings say, else after the release and DVC's name of the experiment."""
    experiment = os.environ.get("DVC_EXP_NAME")
    return settings.logger.name or "-".join(filter(None, [settings.release.name, experiment]))


def remember(run_id: str, folder: Path, made: Path) -> None:
    """Write down which run trained what `made` records, so that its evaluation can be added to it."""
    write_json({"id": run_id, "made": sha256_of(made)}, folder / KEPT)


def remembered(folder: Path, made: Path) -> str | None:
    """The id of the run that trained what `made` records; None when no run did."""
    try:
        found = read_record(folder / KEPT, {"id": str, "made": str}, rerun("train"))
    except DataError:
        return None
    run_id: str = found["id"]
    return run_id if found["made"] == sha256_of(made) else None
