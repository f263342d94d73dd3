"""From raw files to weights, link by link: what each stage read and wrote, by sha256."""

from terna.lineage.made import digests, record

__all__ = ["digests", "record"]
