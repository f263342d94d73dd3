"""Sentences as a student learns them: their tokens, and the teacher's vectors of them or of what they translate."""

from dataclasses import dataclass, fields
from pathlib import Path

from terna.arrays import Floats, Ints
from terna.records import read_arrays


@dataclass(frozen=True)
class TeacherVectors:
    """n sentences that are taught.

    vectors: (n, dimension) float32, the teacher's. ids: (tokens,) int32, the student's tokens of all n and then, of
    translated sentences, of all n sources, special tokens included; offsets: (n + 1,) or (2 n + 1,) int64, sentence i
    is ids[offsets[i]:offsets[i + 1]]. Of the sentences of a TokenTable, which has their tokens, there are none here.
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
