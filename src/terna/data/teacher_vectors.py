"""Translated sentences as a student learns them: their tokens, and the teacher's vectors of what was translated."""

from dataclasses import dataclass, fields
from pathlib import Path

from terna.arrays import Floats, Ints
from terna.records import read_arrays


@dataclass(frozen=True)
class TeacherVectors:
    """n translated sentences.

    vectors: (n, dimension) float32, the teacher's of the sources. ids: (tokens,) int32, the student's tokens of all
    sources and then of all targets, special tokens included; offsets: (2 n + 1,) int64, sentence i is
    ids[offsets[i]:offsets[i + 1]].
    """

    vectors: Floats
    ids: Ints
    offsets: Ints

    def __len__(self) -> int:
        return len(self.vectors)

    @classmethod
    def load(cls, folder: Path) -> "TeacherVectors":
        """Map the arrays of `folder` into memory, read-only; DataError if one is missing or broken."""
        return cls(**read_arrays([field.name for field in fields(cls)], folder, stage="teacher"))
