"""The part of a file that has come, and the note that says of what it is a part."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from terna.records import write_json


@dataclass(frozen=True)
class Note:
    """Of what a partial file is a part."""

    address: str
    """Where it comes from."""
    validator: str | None
    """The server's name for this version: a strong ETag, or when it was modified."""
    total: int | None
    """Bytes of the whole, where the server says."""


class Partial:
    """The file beside `target` in which a download gathers: `.NAME.part`, with `.NAME.part.json` if it can resume."""

    def __init__(self, target: Path) -> None:
        self.name = target.name
        self.path = target.with_name(f".{target.name}.part")
        self._note = target.with_name(f".{target.name}.part.json")

    @property
    def size(self) -> int:
        """Bytes that have come."""
        return self.path.stat().st_size if self.path.is_file() else 0

    def note(self, address: str) -> Note | None:
        """The note, if there are bytes, they came from `address`, and a server may be asked for the rest."""
        note = self._read()
        return note if note is not None and note.address == address else None

    def _read(self) -> Note | None:
        try:
            read = json.loads(self._note.read_text(encoding="utf-8"))
            note = Note(read["address"], read["validator"], read["total"])
        except (OSError, ValueError, TypeError, KeyError):
            return None
        sound = isinstance(note.validator, str | None) and isinstance(note.total, int | None)
        return note if sound and self.size else None

    def begin(self, note: Note | None) -> None:
        """Start from zero; the bytes to come can be resumed later if there is a note."""
        # in this order: killed anywhere in between, no note stands beside bytes that it does not describe
        self.discard()
        self.path.touch()
        if note is not None:
            write_json(asdict(note), self._note)

    def discard(self) -> None:
        """Remove both files."""
        self._note.unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)

    def tidy(self) -> None:
        """Keep only what a later call can resume."""
        if self._read() is None:
            self.discard()
