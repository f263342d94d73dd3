"""Sentences cut into shards, and a shard's translations in a file that is whole and fits, or is made again."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from terna.arrays import Ints
from terna.data.translation.decoder import Output
from terna.records import replacing

# translations as they came: what is of no use is told afterwards, so that another rule needs no other translation
SHARD = pa.schema([("source", pa.string()), ("target", pa.string()), ("ended", pa.bool_())])


@dataclass(frozen=True)
class Shard:
    """Sentences that are written down together: their texts, and of each its token ids, (tokens,) int32."""

    path: Path
    texts: Sequence[str]
    ids: Sequence[Ints]

    def batches(self, tokens: int) -> Iterator[Sequence[Ints]]:
        """The sentences in groups of at most `tokens` ids, padding included; one sentence makes a group in any case."""
        start = 0
        while start < len(self.ids):
            end = start + max(1, tokens // len(self.ids[start]))  # none that follows is longer
            yield self.ids[start:end]
            start = end

    def read(self) -> pa.Table | None:
        """The SHARD table on disk; None where there is none, or not this one whole."""
        try:
            with pq.ParquetFile(self.path, page_checksum_verification=True) as file:
                table = file.read()
        except (OSError, ValueError, pa.ArrowException):  # ValueError: names that are not UTF-8
            return None
        fits = table.schema.equals(SHARD) and table["source"].to_pylist() == list(self.texts)
        return table if fits and not any(column.null_count for column in table.columns) else None

    def write(self, outputs: Sequence[Output]) -> None:
        """Write down what became of each sentence, in order."""
        with replacing(self.path) as beside:
            self.write_to(beside, outputs)

    def write_to(self, path: Path, outputs: Sequence[Output]) -> None:
        """As `write`, to a file that the caller renames."""
        targets, ended = zip(*outputs, strict=True)
        table = pa.table([list(self.texts), list(targets), list(ended)], schema=SHARD)
        pq.write_table(table, path, compression="zstd", write_page_checksum=True)


def cut(
    texts: Sequence[str], tokens: tuple[Ints, Ints], size: int, frame: Mapping[str, Any], work: Path
) -> list[Shard]:
    """Sorted texts in shards of `size`, those of most tokens first, so that memory runs out early or never.

    tokens: ids and offsets of the texts. frame: what else the output depends on. A shard's file lies in `work` and is
    named after its number and a digest of the frame, its texts and their ids.
    """
    ids, offsets = tokens
    order = np.argsort(-np.diff(offsets), kind="stable").tolist()
    shards = []
    for number, first in enumerate(range(0, len(order), size)):
        places = order[first : first + size]
        chosen, rows = (
            [texts[place] for place in places],
            [ids[offsets[place] : offsets[place + 1]] for place in places],
        )
        shards.append(Shard(work / f"{number:05d}-{_key(frame, chosen, rows)}.parquet", chosen, rows))
    return shards


def _key(frame: Mapping[str, Any], texts: Sequence[str], ids: Sequence[Ints]) -> str:
    total = hashlib.sha256(json.dumps(frame, sort_keys=True).encode())
    for text, row in zip(texts, ids, strict=True):
        total.update(json.dumps([text, row.tolist()]).encode())
    return total.hexdigest()
