"""What `wandb` wrote of a run to the disk: its .wandb file, read without its library's own reader."""

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# the file is a log in LevelDB's format behind a header of seven bytes: blocks, in them pieces with a checksum, a length
# and a kind
HEADER, BLOCK, PIECE = 7, 32768, struct.Struct("<IHB")
WHOLE, FIRST, MIDDLE, LAST = 1, 2, 3, 4


def records(path: Path) -> Iterator[Any]:
    """Each record of a run, as W&B's protocol buffers have it."""
    from wandb.proto import wandb_internal_pb2

    for content in _contents(path.read_bytes()):
        record = wandb_internal_pb2.Record()
        record.ParseFromString(content)
        yield record


def history(path: Path) -> list[dict[str, Any]]:
    """The rows that were logged."""
    rows = [record.history for record in records(path) if record.WhichOneof("record_type") == "history"]
    return [_items(row.item) for row in rows]


def summary(path: Path) -> dict[str, Any]:
    """The summary at the end of the run."""
    found: dict[str, Any] = {}
    for record in records(path):
        if record.WhichOneof("record_type") == "summary":
            found |= _items(record.summary.update)
    return found


def config(path: Path) -> dict[str, Any]:
    """The settings that a run was started with."""
    [run] = [record.run for record in records(path) if record.WhichOneof("record_type") == "run"]
    return {item.key: json.loads(item.value_json) for item in run.config.update}


def _items(items: Any) -> dict[str, Any]:
    return {"/".join(item.nested_key) or item.key: json.loads(item.value_json) for item in items}


def _contents(data: bytes) -> Iterator[bytes]:
    place, whole = HEADER, b""
    while place + PIECE.size <= len(data):
        left = BLOCK - place % BLOCK
        if left < PIECE.size:
            place += left
            continue
        _, length, kind = PIECE.unpack_from(data, place)
        place += PIECE.size
        whole += data[place : place + length]
        place += length
        if kind in (WHOLE, LAST):
            yield whole
            whole = b""
