"""Any encoder as a row beside ours: a folder, a hub name, a package, or static word vectors."""

from terna.systems.place import digests_of, locate
from terna.systems.system import System, load_system

__all__ = ["System", "digests_of", "load_system", "locate"]
