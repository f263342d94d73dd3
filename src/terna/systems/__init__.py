"""Any encoder as a row beside ours: a folder, a hub name, a package, or static word vectors."""

from terna.systems.load import System, load_system, on_cpu_alone, placed
from terna.systems.locate import digests_of, locate
from terna.systems.stored import store_vectors

__all__ = [
    "System",
    "digests_of",
    "load_system",
    "locate",
    "on_cpu_alone",
    "placed",
    "store_vectors",
]
