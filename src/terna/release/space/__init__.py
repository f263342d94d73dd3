"""A Hugging Face Space that serves the demo's page over the release: a folder of its own, to be sent to the hub."""

from terna.release.space.folder import files, write

__all__ = ["files", "write"]
