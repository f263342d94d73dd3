"""Weights & Biases: a run is recorded on the disk, and sent to the service by another process."""

from terna.tracking.wandb_run import KEPT, close, remember, remembered, run_name, start, wanted
from terna.tracking.wandb_upload import Sending, delivered, is_online, later

__all__ = [
    "KEPT",
    "Sending",
    "close",
    "delivered",
    "is_online",
    "later",
    "remember",
    "remembered",
    "run_name",
    "start",
    "wanted",
]
