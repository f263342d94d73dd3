"""Which code ran, on what: the commit, what differs from it, the versions of the packages."""

import platform
import subprocess
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path

# What a run executes. params.yaml, dvc.lock and metrics/ are left out: a run rewrites them itself.
CODE = ("src", "pipelines", "conf", "pyproject.toml", "requirements.lock")
PACKAGES = (
    "terna",
    "torch",
    "transformers",
    "tokenizers",
    "safetensors",
    "sentencepiece",
    "numpy",
    "scipy",
    "pyarrow",
    "pytorch-lightning",
)


def commit(root: Path) -> str | None:
    """The commit that is checked out at `root`; None without Git, and in a repository that does not hold our code."""
    return next(iter(_git(root, "rev-parse", "HEAD")), None) if _git(root, "ls-files", "-z", "--", *CODE) else None


def modified(root: Path) -> list[str]:
    """The files of CODE that differ from the commit or are new since, sorted; none where there is no commit."""
    if commit(root) is None:
        return []
    changed = _git(root, "diff", "--name-only", "--relative", "-z", "HEAD", "--", *CODE)
    return sorted({*changed, *_git(root, "ls-files", "--others", "--exclude-standard", "-z", "--", *CODE)})


def packages(backbone: str) -> dict[str, str | None]:
    """The versions of PACKAGES, and of the package that a backbone `pkg:module/path` is in; None: not installed."""
    module = backbone.removeprefix("pkg:").partition("/")[0]
    holding = packages_distributions().get(module, []) if backbone.startswith("pkg:") else []
    return {name: _version(name) for name in (*PACKAGES, *sorted(set(holding)))}


def machine() -> str:
    """Python's version, the system and its architecture: nothing that differs between two like machines."""
    return f"Python {platform.python_version()}, {platform.system()} {platform.machine()}"


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _git(root: Path, *words: str) -> Sequence[str]:
    """What git prints, split at its zeros; nothing where git or the repository is missing."""
    try:
        done = subprocess.run(["git", *words], cwd=root, capture_output=True, check=True)  # noqa: S603, S607  # fixed words, no shell
    except (OSError, subprocess.CalledProcessError):
        return []
    return [part for part in done.stdout.decode(errors="replace").strip("\n").split("\0") if part]
