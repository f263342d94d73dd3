"""Vectors written down as they come: Parquet, .npy, JSON lines."""

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from terna.serving.cli.quantization import Layout

# texts (None for a bad line) and their vectors (n, dimension), NaN for a bad line
Write = Callable[[Sequence[str | None], Any], None]
# of a Parquet schema; the other formats have no place for it
Metadata = Mapping[bytes, bytes]


class Cut:
    """`sink`, until it is cut: then what is written is dropped."""

    closed = False

    def __init__(self, sink: BinaryIO) -> None:
        self.sink = sink
        self.cut = False

    def write(self, content: bytes) -> None:
        """Write bytes."""
        if not self.cut:
            self.sink.write(content)

    def flush(self) -> None:
        """Nothing is held back here."""


@contextmanager
def parquet(sink: BinaryIO, layout: Layout, metadata: Metadata) -> Iterator[Write]:
    """Columns `text` and those of `layout`, null for a bad line; after a fault no reader takes it for the whole."""
    schema = pa.schema([pa.field("text", pa.string()), *layout.fields], metadata)
    cut = Cut(sink)
    with pq.ParquetWriter(cut, schema, compression="zstd") as writer:

        def write(texts: Sequence[str | None], vectors: Any) -> None:
            bad = pa.array([text is None for text in texts])
            columns = [pa.array(texts, pa.string()), *layout.columns(vectors, bad)]
            writer.write_table(pa.table(columns, schema=schema))

        try:
            yield write
        except BaseException:
            cut.cut = True  # a writer that is closed writes the footer
            raise


@contextmanager
def npy(sink: BinaryIO, layout: Layout, metadata: Metadata) -> Iterator[Write]:
    """One float32 array (lines, dimension), in a temporary file until its length is known."""
    with tempfile.TemporaryFile() as kept:
        count = 0

        def write(texts: Sequence[str | None], vectors: Any) -> None:
            nonlocal count
            count += len(texts)
            kept.write(np.ascontiguousarray(vectors, "<f4").tobytes())

        yield write
        described = {"descr": "<f4", "fortran_order": False, "shape": (count, layout.dimensions)}
        np.lib.format.write_array_header_1_0(sink, described)
        kept.seek(0)
        shutil.copyfileobj(kept, sink)


@contextmanager
def jsonl(sink: BinaryIO, layout: Layout, metadata: Metadata) -> Iterator[Write]:
    """One object per line: `text` and `vector`, both null for a bad line; numbers in the fewest exact digits."""
    dimension = layout.dimensions

    def write(texts: Sequence[str | None], vectors: Any) -> None:
        digits = pa.array(vectors.reshape(-1)).cast(pa.string()).to_pylist()
        for row, text in enumerate(texts):
            own = digits[row * dimension : (row + 1) * dimension]
            vector = "null" if text is None else f"[{', '.join(own)}]"
            line = f'{{"text": {json.dumps(text, ensure_ascii=False)}, "vector": {vector}}}\n'
            sink.write(line.encode("utf-8"))

    yield write


WRITERS: dict[str, Callable[[BinaryIO, Layout, Metadata], AbstractContextManager[Write]]] = {
    "parquet": parquet,
    "npy": npy,
    "jsonl": jsonl,
}
FORMATS = tuple(WRITERS)
