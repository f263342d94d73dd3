"""Where curves go: CSV always, Weights & Biases by choice.

Whether W&B is online is decided before its first call, with a question of our own: it cannot fall back once it has
tried. Offline runs lie in logs/wandb and go up with `wandb sync`.
"""

import logging
import netrc
import os
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import httpx
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
    """Whether W&B can be used online: WANDB_MODE does not say otherwise, and the service knows the key that is set."""
    if os.environ.get("WANDB_MODE", "online") != "online":
        return False
    address = os.environ.get("WANDB_BASE_URL", "https://api.wandb.ai")
    key = os.environ.get("WANDB_API_KEY") or _stored_key(address)
    return key is not None and _knows(address, key)


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


def _stored_key(address: str) -> str | None:
    """The key that `wandb login` put into netrc."""
    try:
        found = netrc.netrc().authenticators(urlparse(address).hostname or "")
    except (OSError, netrc.NetrcParseError):
        return None
    return found[2] if found else None


def _knows(address: str, key: str) -> bool:
    """Whether the service says within PATIENCE whose key this is."""
    try:
        answer = httpx.post(
            f"{address}/graphql", json={"query": "query {viewer {id}}"}, auth=("api", key), timeout=PATIENCE
        )
        return bool(answer.is_success and answer.json()["data"]["viewer"])
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError):
        return False
