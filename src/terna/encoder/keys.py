"""The settings in a JSON file of an encoder's folder: each key is honoured, or refused by file and key."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from terna.errors import DataError, ModelError
from terna.records import read_json

REMEDY = "save the encoder without it, or use another encoder"


# more than any size is, and the bytes of a matrix of such sizes still fit 64 bits
LARGEST = 1 << 30


class Keys:
    """What is left of a file's settings; whoever reads them takes each key that it honours, and refuses the rest."""

    def __init__(self, path: Path, content: Any) -> None:
        self.path = path
        if not isinstance(content, Mapping):
            raise ModelError(f"{path}: {content!r}, but settings by their names are expected; {REMEDY}")
        self.left = dict(content)

    @classmethod
    def read(cls, path: Path) -> "Keys":
        """The settings of a file, none where there is no file; ModelError when it cannot be read."""
        if path.is_dir():
            raise ModelError(f"{path}: a folder, not a file; get the folder that it is in again")
        return cls(path, read(path) if path.is_file() else {})

    def take(self, key: str, kind: type, default: Any) -> Any:
        """The value of a key, which must be of `kind` or `default`; ModelError otherwise."""
        found = self.left.pop(key, default)
        # to Python a bool is an int
        if found is default or (isinstance(found, kind) and (kind is bool or not isinstance(found, bool))):
            return found
        raise self.refused(key, found, f"{kind.__name__} is expected")

    def size(self, key: str, default: int | None) -> Any:
        """A whole number above 0 and no more than LARGEST, or `default`."""
        found = self.take(key, int, default)
        if found is not None and not 1 <= found <= LARGEST:
            raise self.refused(key, found, f"1 to {LARGEST} is expected")
        return found

    def only(self, key: str, *allowed: Any) -> None:
        """Take a key that nothing but `allowed` can be honoured of, if it is there at all."""
        if key in self.left and (found := self.left.pop(key)) not in allowed:
            raise self.refused(key, found, f"only {' or '.join(map(repr, allowed))} can be read")

    def end(self) -> None:
        """Raise ModelError for a key that nobody took."""
        for key, value in self.left.items():
            raise self.refused(key, value, "no such key can be read")

    def refused(self, key: str, value: Any, why: str) -> ModelError:
        """The error for a key that cannot be honoured."""
        return ModelError(f"{self.path}: {key}: {value!r}, but {why}; {REMEDY}")


def read(path: Path) -> Any:
    """The content of a JSON file; ModelError when it cannot be read."""
    try:
        content = read_json(path)
        json.dumps(content, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise ModelError(f"{path}: half of a surrogate pair, which is no character; get the folder again") from error
    except (DataError, OSError) as error:
        reason = str(error).removeprefix(f"{path}: ").partition(";")[0]
        raise ModelError(f"{path}: {reason}; get the folder again") from error
    return content
