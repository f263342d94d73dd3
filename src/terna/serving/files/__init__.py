"""`encode-files`: files of texts to a folder of shards, on one machine or many, by Ray Data."""

from terna.serving.files.command import encode_files

__all__ = ["encode_files"]
