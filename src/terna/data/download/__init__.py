"""Addresses → a verified file on disk.

A file is taken from the first place that gives accepted bytes: a mirror folder, then its addresses in order, each
http(s) or a path from the working folder. It is written beside its place, checked over the whole, and only then
renamed; what an http address began is resumed, in the same call or in a later one.
"""

from terna.data.download.corpus import fetch_corpus
from terna.data.download.local import local_digests
from terna.data.download.patience import Patience
from terna.data.download.places import fetch, from_environment

__all__ = ["Patience", "fetch", "fetch_corpus", "from_environment", "local_digests"]
