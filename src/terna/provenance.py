"""What a stage read and wrote, with which settings and on what, as a record beside its output.

Every stage depends on this module: what puts the records together, and what checks them, stands apart, so that a
change there repeats no training.
"""

import json
import platform
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from functools import reduce
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path
from typing import Any

from terna.errors import DataError
from terna.records import sha256_of, write_json
from terna.settings import Settings, published

NAME = "made.json"
# the settings that each stage runs with: its params in dvc.yaml, which a test compares
SETTINGS = {
    "parallel": ("parallel", "triplets.overlap", "triplets.drop_overlap", "evaluate.benchmarks"),
    "translate": ("corpora", "translate"),
    "triplets": ("seed", "translate.target", "triplets", "evaluate.benchmarks"),
    "mine": ("seed", "mine"),
    "tokens": ("model",),
    "teacher": ("train.distill", "train.similarity_distillation", "train.guide", "model"),
    "train": ("seed", "model", "train", "evaluate.select_on", "evaluate.main_score"),
    "evaluate": ("seed", "model", "evaluate"),
    "report": ("seed", "corpora", "translate", "triplets", "mine", "model", "train", "evaluate", "release"),
}
NETWORK = ("terna", "torch", "transformers", "tokenizers", "safetensors", "sentencepiece", "numpy")
# the packages that compute what each stage writes
PACKAGES = {
    "parallel": ("terna", "pyarrow", "numpy"),
    "translate": (*NETWORK, "pyarrow"),
    "triplets": ("terna", "pyarrow", "numpy"),
    "mine": (*NETWORK, "pyarrow"),
    "tokens": (*NETWORK, "pyarrow"),
    "teacher": NETWORK,
    "train": (*NETWORK, "scipy", "pyarrow", "pytorch-lightning"),
    "evaluate": (*NETWORK, "scipy", "pyarrow", "scikit-learn"),
    "report": ("terna", "matplotlib", "jinja2"),
}
# of x86: the vectors that kernels are chosen by, the widest first
VECTORS = ("amx_tile", "avx512f", "avx2", "avx")


def record(
    stage: str,
    settings: Settings,
    read: Iterable[Path],
    wrote: Iterable[Path],
    path: Path,
    *,
    threads: int | None = None,
) -> None:
    """Write to `path` what `stage` did: call it last, since a record says that the stage came to its end.

    A folder stands for the files in it. Paths are from the project's root. threads: those that torch computed with;
    None where it did not compute, and then the machine does not count. Raises DataError for a path that is not there.
    """
    write_json({**described(stage, settings, read, threads=threads), "wrote": digests(wrote)}, path)


def described(stage: str, settings: Settings, read: Iterable[Path], *, threads: int | None = None) -> dict[str, Any]:
    """What `record` writes, but for what the stage wrote: known before it writes."""
    return {
        "stage": stage,
        "settings": chosen(stage, settings),
        "packages": packages(stage, settings.model.backbone) | _searching(stage, settings),
        "machine": None if threads is None else machine(),
        "threads": threads,
        "read": digests(read),
    }


def digests(paths: Iterable[Path]) -> dict[str, str]:
    """The sha256 of each file, sorted by path; a folder stands for its files, but for hidden ones and records."""
    files = {file.as_posix(): file for path in paths for file in _files(path)}
    return {name: sha256_of(files[name]) for name in sorted(files)}


def chosen(stage: str, settings: Settings) -> dict[str, Any]:
    """The settings that a stage runs with, by dotted key, as JSON holds them and anyone may see them."""
    whole: dict[str, Any] = json.loads(json.dumps(asdict(published(settings))))
    return {key: reduce(lambda inner, name: inner[name], key.split("."), whole) for key in SETTINGS[stage]}


def packages(stage: str, backbone: str) -> dict[str, str | None]:
    """The versions of a stage's PACKAGES, and of the one that a backbone `pkg:module/path` is in; None: not installed.

    The latter where torch is among them.
    """
    module = backbone.removeprefix("pkg:").partition("/")[0]
    held = backbone.startswith("pkg:") and "torch" in PACKAGES[stage]
    holding = packages_distributions().get(module, []) if held else []
    return {name: _version(name) for name in (*PACKAGES[stage], *sorted(set(holding)))}


def _searching(stage: str, settings: Settings) -> dict[str, str | None]:
    """The version of what the mine stage searches with, where that is a package of its own."""
    return {"faiss-cpu": _version("faiss-cpu")} if stage == "mine" and settings.mine.search == "faiss" else {}


def machine() -> str:
    """Python's version, the system and the processor's family: nothing that differs between two like machines."""
    return f"Python {platform.python_version()}, {platform.system()} {platform.machine()}{_family()}"


def flat(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The leaves of nested mappings by dotted key; an empty mapping is a leaf."""
    for name, inner in value.items():
        if isinstance(inner, Mapping) and inner:
            yield from flat(inner, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", inner


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
    elif path.is_dir():
        for file in path.rglob("*"):
            inside = file.relative_to(path)
            if file.is_file() and file.name != NAME and not any(part.startswith(".") for part in inside.parts):
                yield file
    else:
        raise DataError(f"{path}: not there; run the stage that writes it (dvc repro)")


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _family() -> str:
    """`, GenuineIntel family 6, avx512f`; empty where the system does not say."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    # of the first processor
    lines = [line.partition(":")[::2] for line in text.split("\n\n")[0].splitlines()]
    found = {name.strip(): value.strip() for name, value in lines}
    widest = next((name for name in VECTORS if name in found.get("flags", "").split()), None)
    family = f"{found['vendor_id']} family {found.get('cpu family')}" if "vendor_id" in found else None
    return "".join(f", {part}" for part in (family, widest) if part)
