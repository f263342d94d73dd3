"""Encoders' folders that hypothesis damages: each gives an encoder or a ModelError, soon and in bounded memory.

    python tests/helpers/fuzz_folders.py 3600

The argument is for how many seconds to go on. A finding is shrunk, printed as the `Change`s that lead to it, and ends
the run; what hypothesis keeps in .hypothesis/ makes the next run begin with it.
"""

import json
import logging
import resource
import shutil
import signal
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from folder_inputs import Folder
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from sentence_transformers.base.modules import Dense, Normalize

from terna.errors import ModelError
from terna.systems import load_system

LONGEST = 10.0
"""Seconds of processor time that a folder may take: other work on the machine does not count."""
LARGEST = 1 << 30
"""Bytes by which the process may grow."""
MAKES: dict[str, Callable[[], Folder]] = {
    "bert": lambda: Folder(after=lambda: [Dense(16, 12), Normalize()]),
    "roberta": lambda: Folder(backbone="roberta", after=lambda: [Dense(16, 12)]),
    "qwen2": lambda: Folder(backbone="qwen2", pooling="lasttoken", after=lambda: [Dense(16, 12)]),
    "transformers": lambda: Folder(backbone="albert", listed=False),
}
FILES = (
    "modules.json",
    "config.json",
    "sentence_bert_config.json",
    "config_sentence_transformers.json",
    "1_Pooling/config.json",
    "2_Dense/config.json",
    "tokenizer.json",
    "tokenizer_config.json",
)
WEIGHTS = ("model.safetensors", "2_Dense/model.safetensors")
ODD: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 3, 0.5, 10**4, 10**6, 10**9, 2**31, 2**63, -(2**63), 10**30, 1e-320, 1e308),
    *(float("nan"), float("inf"), "", "x", "../x", "/etc/hostname", "a" * 10_000, "\0", "\ud800", "é", "float64"),
    *([], {}, [None], {"a": None}, ["x"], [[]], [1, 2]),
)
KEYS = ("num_hidden_layers", "hidden_size", "vocab_size", "num_labels", "model_type", "architectures", "auto_map")
KEYS += ("num_attention_heads", "max_position_embeddings", "hidden_act", "dtype", "quantization_config", "layer_types")
KEYS += ("pad_token_id", "rope_parameters", "path", "type", "max_seq_length", "pooling_mode", "in_features", "x")
KEYS += ("model_max_length", "tokenizer_class", "padding_side", "added_tokens_decoder", "prompts", "truncate_dim")
BYTES = (
    b"",
    b"{",
    b"{}",
    b"[]",
    b"null",
    b"\xff\xfe",
    b"\xef\xbb\xbf{}",
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b"\0" * 99,
)


@dataclass(frozen=True)
class Change:
    """One damage of a file: `how` and where, and what with."""

    how: str
    file: str
    path: tuple[int, ...] = ()
    key: str = "x"
    value: Any = None


odd = st.sampled_from(ODD) | st.integers() | st.floats() | st.text(max_size=8)
paths = st.lists(st.integers(0, 40), min_size=1, max_size=4).map(tuple)
json_files, weight_files = st.sampled_from(FILES), st.sampled_from(WEIGHTS)
values = st.builds(Change, st.sampled_from(("set", "set", "drop")), json_files, paths, value=odd)
added = st.builds(Change, st.just("add"), json_files, key=st.sampled_from(KEYS), value=odd)
whole = st.builds(
    Change, st.just("write"), st.sampled_from(FILES + WEIGHTS), value=st.sampled_from(BYTES) | st.binary(max_size=60)
)
placed = st.builds(
    Change,
    st.sampled_from(("cut", "bom", "byte", "remove", "folder", "pickle")),
    st.sampled_from(FILES + WEIGHTS),
    paths,
)
headers = st.builds(
    Change,
    st.just("header"),
    weight_files,
    paths,
    st.sampled_from(("dtype", "shape", "data_offsets", "rename", "drop", "length")),
    odd | st.sampled_from(("F16", "BF16", "I64", "F8_E4M3", "BOOL", "F64", "C64", [10**9], [0], [16, 10**6], [-1, 4])),
)
changes = st.lists(values | added | whole | placed | headers, min_size=1, max_size=3)
damages = st.tuples(st.sampled_from(sorted(MAKES)), changes)


@cache
def valid(name: str) -> Path:
    """A folder that loads, made once."""
    return MAKES[name]().make(Path(place().name) / name)


@cache
def place() -> tempfile.TemporaryDirectory[str]:
    """Where such folders lie as long as the process lives."""
    return tempfile.TemporaryDirectory()


def apply(change: Change, folder: Path) -> None:
    """Damage a file that is there."""
    file = folder / change.file
    if not file.is_file():
        return
    data = file.read_bytes()
    at = change.path[0] * len(data) // 41 if change.path else 0
    if change.how in ("set", "drop", "add"):
        file.write_bytes(edited(data, change))
    elif change.how == "header":
        file.write_bytes(reheaded(data, change))
    elif change.how in ("remove", "folder", "pickle"):
        file.unlink()
        if change.how == "folder":
            file.mkdir()
        elif change.how == "pickle":
            (file.parent / "pytorch_model.bin").write_bytes(data)
    else:
        new = {"write": change.value, "cut": data[:at], "bom": b"\xef\xbb\xbf" + data}
        file.write_bytes(new.get(change.how, data[:at] + b"\xff" + data[at + 1 :]))


def edited(data: bytes, change: Change) -> bytes:
    """A JSON file with one value put in, replaced or left out; as it is where it is none."""
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):
        return data
    node = content
    if change.how == "add":
        node = content[0] if isinstance(content, list) and content else content
        if isinstance(node, dict):
            node[change.key] = change.value
        return json.dumps(content).encode()
    for depth, step in enumerate(change.path):
        places = list(node) if isinstance(node, dict) else list(range(len(node))) if isinstance(node, list) else []
        if not places:
            return data
        place = places[step % len(places)]
        if depth + 1 < len(change.path) and isinstance(node[place], (dict, list)) and node[place]:
            node = node[place]
            continue
        if change.how == "drop":
            del node[place]
        else:
            node[place] = change.value
        break
    return json.dumps(content).encode()


def reheaded(data: bytes, change: Change) -> bytes:
    """A safetensors file with another header; as it is where it has none."""
    try:
        size = struct.unpack("<Q", data[:8])[0]
        header = json.loads(data[8 : 8 + size])
        name = sorted(set(header) - {"__metadata__"})[change.path[0] % (len(header) - 1)]
    except (ValueError, struct.error, ZeroDivisionError, IndexError, TypeError, RecursionError):
        return data
    if change.key == "length":
        lengths = (0, 1, size - 1, size + 1, 2**31, 2**63, 2**64 - 1)
        return struct.pack("<Q", lengths[change.path[0] % len(lengths)]) + data[8:]
    entry = header.pop(name)
    if change.key == "rename":
        header["other"] = entry
    elif change.key != "drop":
        header[name] = {**entry, change.key: change.value} if isinstance(entry, dict) else change.value
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data[8 + size :]


class TooLongError(BaseException):
    """Not to be caught by what catches every Exception."""


@contextmanager
def bounded() -> Iterator[None]:
    """Make sure that the block takes less than LONGEST and LARGEST."""

    def end(*_: object) -> None:
        raise TooLongError

    before, old = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10, signal.signal(signal.SIGPROF, end)
    signal.setitimer(signal.ITIMER_PROF, LONGEST)
    try:
        yield
    except TooLongError as error:
        raise AssertionError(f"over {LONGEST} s") from error
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, old)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10) - before
    assert grown < LARGEST, f"{grown} bytes more"


def check(name: str, damage: Sequence[Change]) -> bool:
    """Whether the damaged folder gives an encoder; AssertionError, or whatever else is raised, for a finding."""
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent) / "encoder"
        shutil.copytree(valid(name), folder)
        for change in damage:
            apply(change, folder)
        try:
            with bounded():
                vectors = load_system(str(folder)).encode(["El perro duerme.", "horno con leña"])
        except ModelError as error:
            text = str(error)
            assert str(folder) in text, f"no file is named: {text}"
            assert "allocate" not in text, text
            assert len(text) < 20_000, f"a message of {len(text)} characters"
            return False
        assert vectors.ndim == 2
        assert len(vectors) == 2
        assert np.isfinite(vectors).all(), "vectors that are not finite"
        return True


def main(seconds: float) -> None:
    """Damage and try folders for so many seconds."""
    logging.disable()
    space = 12 << 30  # of addresses: what the machine has is not to be used up
    resource.setrlimit(resource.RLIMIT_AS, (space, space))
    until, tries, loaded, slowest, batch = time.monotonic() + seconds, 0, 0, 0.0, int(time.time())
    while time.monotonic() < until:

        @seed(batch)
        @settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
        @given(damages)
        def one(damage: tuple[str, list[Change]]) -> None:
            nonlocal tries, loaded, slowest
            if time.monotonic() < until:
                started = time.monotonic()
                loaded += check(*damage)
                tries, slowest = tries + 1, max(slowest, time.monotonic() - started)

        one()
        batch += 1
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
        print(f"{tries} folders, {loaded} encoders, the slowest {slowest:.1f} s, at most {most} MiB", flush=True)


if __name__ == "__main__":
    main(float(sys.argv[1]))
