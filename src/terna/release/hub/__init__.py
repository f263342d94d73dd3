"""A release, or a dataset, on its way to the hub: whether it may go, what goes, and the sending."""

from terna.release.hub.checks import check_name, fresh, licensed, named, no_debug_run, reproduced
from terna.release.hub.upload import described, files, on_hub, send

__all__ = [
    "check_name",
    "described",
    "files",
    "fresh",
    "licensed",
    "named",
    "no_debug_run",
    "on_hub",
    "reproduced",
    "send",
]
