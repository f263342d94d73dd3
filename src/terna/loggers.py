"""Where curves go: CSV always, Weights & Biases by choice.

Whether W&B is online is decided before its first call: it cannot fall back once it has tried. Offline runs lie in
logs/wandb and go up with `wandb sync`.
"""

import logging
import netrc
import os
import shutil
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from pytorch_lightning.loggers import CSVLogger, Logger, WandbLogger

from terna import settings as schema

# seconds that the service is given to answer
PATIENCE = 3.0

log = logging.getLogger(__name__)


def build(settings: schema.Logger, folder: Path, *, name: str, config: dict[str, Any]) -> list[Logger]:
    """The loggers of a run: CSV files in folder/csv, anew, and W&B when settings.wandb.

    name and config: what W&B calls the run and shows as its settings.
    """
    shutil.rmtree(folder / "csv", ignore_errors=True)
    loggers: list[Logger] = [CSVLogger(folder, name="csv", version="", flush_logs_every_n_steps=50)]
    if settings.wandb:
        loggers.append(_wandb(settings, folder, name, config))
    return loggers


def is_online() -> bool:
    """Whether W&B can be used online: a key is set, WANDB_MODE does not say otherwise, and the service answers."""
    mode = os.environ.get("WANDB_MODE", "online")
    address = os.environ.get("WANDB_BASE_URL", "https://api.wandb.ai")
    return mode == "online" and _has_key(address) and _answers(address)


def _wandb(settings: schema.Logger, folder: Path, name: str, config: dict[str, Any]) -> Logger:
    online = is_online()
    if not online:
        log.warning("Weights & Biases: offline; `wandb sync %s/wandb/offline-*` sends the run later", folder)
    folder.mkdir(parents=True, exist_ok=True)
    return WandbLogger(
        name=name,
        save_dir=folder,
        project=settings.project,
        entity=settings.entity,
        group=settings.group,
        offline=not online,
        config=config,
    )


def _has_key(address: str) -> bool:
    if os.environ.get("WANDB_API_KEY"):
        return True
    try:
        return netrc.netrc().authenticators(urlparse(address).hostname or "") is not None
    except (OSError, netrc.NetrcParseError):
        return False


def _answers(address: str) -> bool:
    parts = urlparse(address)
    port = parts.port or (80 if parts.scheme == "http" else 443)
    try:
        with socket.create_connection((parts.hostname or "", port), timeout=PATIENCE):
            return True
    except OSError:
        return False
