"""How vectors are stored: as float32, as int8 with a scale for each vector, or as their signs, eight in a byte."""

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import pyarrow as pa

from terna.arrays import Vectors

Kind = Literal["float32", "int8", "binary"]
KINDS: tuple[Kind, ...] = get_args(Kind)
# of int8: the largest value of a vector becomes this
MOST = 127
# of each byte its bits as 1 and -1
SIGNS = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).astype(np.float32) * 2 - 1
TYPES: dict[Kind, Any] = {"float32": pa.float32(), "int8": pa.int8(), "binary": pa.uint8()}


@dataclass(frozen=True)
class Layout:
    """The columns of vectors with so many dimensions: `vector`, and for int8 `scale`; both null where there is none."""

    kind: Kind
    dimensions: int

    @property
    def width(self) -> int:
        """Values that are stored of a vector."""
        return -(-self.dimensions // 8) if self.kind == "binary" else self.dimensions

    @property
    def fields(self) -> list[pa.Field]:
        """Those of an Arrow schema."""
        vector = pa.field("vector", pa.list_(TYPES[self.kind], self.width))
        return [vector, pa.field("scale", pa.float32())] if self.kind == "int8" else [vector]

    def columns(self, vectors: Vectors, bad: pa.Array) -> list[pa.Array]:
        """Vectors (n, dimensions) as they are stored; bad: (n,), where there is none."""
        values, scales = quantized(vectors, self.kind)
        stored = pa.FixedSizeListArray.from_arrays(pa.array(values.reshape(-1)), type=self.fields[0].type, mask=bad)
        return [stored] if scales is None else [stored, pa.array(scales, mask=np.asarray(bad))]

    def vectors(self, batch: pa.RecordBatch) -> Vectors:
        """(n, dimensions) float32, NaN where there is no vector."""
        stored = batch["vector"]
        filled = stored.values.slice(stored.offset * self.width, len(stored) * self.width)
        values = np.asarray(filled.fill_null(0)).reshape(len(stored), self.width)
        scales = np.asarray(batch["scale"], np.float32) if self.kind == "int8" else None
        found = restored(values, scales, self)
        if filled.null_count:
            found[np.asarray(filled.is_null()).reshape(values.shape).any(axis=1)] = np.nan
        found[np.asarray(stored.is_null())] = np.nan
        return found


def quantized(vectors: Vectors, kind: Kind) -> tuple[Any, Vectors | None]:
    """Vectors (n, dimensions) as values (n, width), and for int8 scales (n,); what is NaN becomes anything.

    binary: the bits that numpy's packbits makes of what is above 0, as sentence-transformers' `ubinary`.
    """
    if kind == "float32":
        return np.asarray(vectors, np.float32), None
    known = np.nan_to_num(vectors)
    if kind == "binary":
        return np.packbits(known > 0, axis=1), None
    scales = np.abs(known).max(axis=1) / np.float32(MOST)
    return np.rint(known / np.where(scales == 0, 1, scales)[:, None]).astype(np.int8), scales


def restored(values: Any, scales: Vectors | None, layout: Layout) -> Vectors:
    """What `quantized` gave as vectors (n, dimensions) float32: rounded to the scale, or 1 and -1 for the signs."""
    if layout.kind == "float32":
        return np.array(values, np.float32)
    if scales is not None:
        found: Vectors = values * scales[:, None]
        return found
    signs: Vectors = SIGNS[values].reshape(len(values), -1)[:, : layout.dimensions]
    return signs
