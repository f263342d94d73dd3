"""Which model vectors are from: the digest of its files, which `encode` writes with them and `search` compares."""

import hashlib
import json
import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from fnmatch import fnmatch
from importlib.metadata import version
from pathlib import Path

from terna.encoder.hub import COPIES, FILES
from terna.errors import DataError
from terna.serving.cli.quantization import Kind
from terna.systems import digests_of
from terna.systems.locate import GRAPH

# in the metadata of a Parquet schema, a JSON object
KEY = b"terna"
# what a release has beside an encoder: a copy of the folder without them is the same model
BESIDE = ("lineage.json", "metrics/*", "model.sig")


@dataclass(frozen=True)
class Fingerprint:
    """model: as it was named; sha256: of its files; prompt: what was put before each text; version: of terna.

    precision: what the model computed in. dimensions: the first so many are kept of each vector; None: older files do
    not say, and have all. vectors: how they are stored. sha256, prompt and precision decide whose vectors they are.
    """

    model: str
    sha256: str
    version: str
    prompt: str
    precision: str = "float32"
    dimensions: int | None = None
    vectors: Kind = "float32"

    def __str__(self) -> str:
        return f"{self.model} (sha256 {self.sha256[:12]}…)"

    def metadata(self) -> dict[bytes, bytes]:
        """The same in a Parquet schema."""
        return {KEY: json.dumps(asdict(self), ensure_ascii=False).encode()}


def fingerprint(where: str, path: Path, prompt: str = "", precision: str = "float32") -> Fingerprint:
    """That of the system at `path`, which can be loaded and was named `where`; of word vectors the file's sha256.

    Pooling, prompts and length are in a folder's files; of a graph it is that of the folder with this graph in it.
    """
    found = digests_of(path)
    if path.is_file() and path.suffix != GRAPH:
        return Fingerprint(where, found[path.name], version("terna"), prompt, precision)
    graph = path.relative_to(path.parent.parent).as_posix() if path.is_file() else None
    decide = sorted((name, digest) for name, digest in found.items() if name == graph or _decides(name))
    text = "".join(f"{name} {digest}\n" for name, digest in decide)
    return Fingerprint(where, hashlib.sha256(text.encode()).hexdigest(), version("terna"), prompt, precision)


def _decides(name: str) -> bool:
    left_out = any(fnmatch(name, pattern) for pattern in (*COPIES, *BESIDE))
    return not left_out and any(fnmatch(name, pattern) for pattern in FILES)


def check(metadata: Mapping[bytes, bytes] | None, own: Fingerprint, corpus: Path) -> None:
    """DataError, which names both models, unless a Parquet schema's metadata have the fingerprint `own`."""
    stored = read(metadata)
    if stored is None:
        raise DataError(
            f"--corpus {corpus}: it does not record which model its vectors are from; encode its lines again, or give "
            f"--any-model if you know that they are from {own.model}"
        )
    if stored.sha256 != own.sha256:
        raise DataError(
            f"--corpus {corpus}: vectors of {stored}, not of {own}; give the model that they are from as --model, "
            "or encode the lines again"
        )
    if stored.prompt != own.prompt:
        raise DataError(
            f"--corpus {corpus}: vectors of lines after the prompt {stored.prompt!r}, and {own.model} has "
            f"{own.prompt!r} before documents; encode the lines with --prompt {shlex.quote(own.prompt)}, or give "
            "--any-model to take them as they are"
        )
    if stored.precision != own.precision:
        raise DataError(
            f"--corpus {corpus}: vectors computed in {stored.precision}, and the queries are in {own.precision}; give "
            f"--precision {stored.precision}, or --any-model to compare them"
        )


def read(metadata: Mapping[bytes, bytes] | None) -> Fingerprint | None:
    """The fingerprint in a Parquet schema's metadata, if there is one."""
    try:
        found = json.loads((metadata or {})[KEY])
        model, dimensions = str(found["model"]), found.get("dimensions")
        return Fingerprint(
            model,
            str(found["sha256"]),
            str(found.get("version")),
            str(found.get("prompt", "")),
            str(found.get("precision", "float32")),
            None if dimensions is None else int(dimensions),
        )
    except (KeyError, TypeError, ValueError):
        return None
