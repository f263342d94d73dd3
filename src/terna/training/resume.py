"""Whether a checkpoint is of this very run: then training resumes from it, else it is refused."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

from terna.errors import ModelError
from terna.provenance import flat
from terna.records import read_record, write_json
from terna.running.lock import is_first
from terna.settings import Settings
from terna.settings.plain_mode import is_plain

CHECKPOINT = "last.ckpt"
IDENTITY = "run.json"
# rises when what a checkpoint holds changes
FORMAT = 2
# the environment's variable by which the processes of a run know the threads of the first
THREADS = "TERNA_THREADS"


def identity(settings: Settings, data: Mapping[str, str]) -> dict[str, Any]:
    """All that a run's outcome depends on: settings, data, packages, processes, threads and TERNA_PLAIN.

    Data by each file's sha256. Losses of one's own are among it, each with its file's sha256.
    """
    from terna.training.losses.own import own_losses  # not at the top, for torch: see _threads

    plain, own = asdict(settings), own_losses(settings.train)
    return {
        **{name: plain[name] for name in ("seed", "model", "train")},
        "evaluate": {name: plain["evaluate"][name] for name in ("select_on", "main_score")},
        "data": dict(data),
        "packages": {name: version(name) for name in ("torch", "transformers", "pytorch-lightning")},
        "processes": settings.machine.devices * settings.machine.nodes,
        **({"sharded": True} if settings.machine.sharded else {}),
        "threads": _threads(),
        "TERNA_PLAIN": int(is_plain()),
        "checkpoint_format": FORMAT,
        **({"own_losses": {each.path: each.sha256 for each in own.values()}} if own else {}),
    }


def claim(folder: Path, run: Mapping[str, Any]) -> Path | None:
    """The checkpoint in `folder` to resume from; None where there is none, and then `folder` is this run's.

    run: all that the outcome depends on, nested as in the settings. Raises ModelError when the checkpoint is of another
    run, with each key that differs and both its values.
    """
    ours, path = dict(flat(run)), folder / CHECKPOINT
    remedy = f"delete {folder}/ to train again"
    found = read_record(folder / IDENTITY, {}, remedy) if (folder / IDENTITY).exists() else None
    if not path.is_file() or found is None:
        if is_first() and found != ours:
            shutil.rmtree(folder, ignore_errors=True)
            write_json(ours, folder / IDENTITY)
        return None
    if different := differences(found, ours):
        raise ModelError(
            "\n".join(
                [
                    f"{path} is of a run that was interrupted, with other settings or data:",
                    *different,
                    f"Set them back to resume that run, or delete {folder}/ to train again",
                ]
            )
        )
    return path


def differences(there: Mapping[str, Any], here: Mapping[str, Any]) -> list[str]:
    """A line for each key whose value differs, with both values."""
    keys = sorted(there.keys() | here.keys())
    return [
        f"  {key}: {there.get(key)!r} there, {here.get(key)!r} here" for key in keys if there.get(key) != here.get(key)
    ]


def steps_done(checkpoint: Path) -> int:
    """The steps that a checkpoint has behind it; ModelError when it is damaged."""
    import torch  # not at the top: see _threads

    try:
        return int(torch.load(checkpoint, weights_only=True, mmap=True, map_location="cpu")["global_step"])
    except (OSError, EOFError, RuntimeError, KeyError, UnpicklingError) as error:
        raise ModelError(f"{checkpoint}: damaged ({error}); delete {checkpoint.parent}/ to train again") from error


def release(folder: Path) -> None:
    """Remove what a run needed to resume: call it when its outputs are whole."""
    shutil.rmtree(folder, ignore_errors=True)


def _threads() -> int:
    """Those that torch computes with in the process that launched the run: Lightning gives the others fewer."""
    import torch  # not at the top: a stage first sets up what torch reads as it is imported

    if "LOCAL_RANK" not in os.environ:
        os.environ[THREADS] = str(torch.get_num_threads())
    return int(os.environ.get(THREADS, torch.get_num_threads()))
