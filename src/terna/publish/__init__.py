"""A release on its way to the hub: whether it may go, what goes, and the sending."""

from terna.publish.checks import fresh, licensed, named, reproduced
from terna.publish.hub import described, files, send

__all__ = ["described", "files", "fresh", "licensed", "named", "reproduced", "send"]
