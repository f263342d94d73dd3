"""Which code ran: the commit, and what differs from it."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

# What a run executes. params.yaml, dvc.lock and metrics/ are left out: a run rewrites them itself.
CODE = ("src", "pipelines", "conf", "pyproject.toml", "requirements.lock")


def commit(root: Path) -> str | None:
    """The last commit at `root` that changed CODE; None without Git, and in a repository that does not hold it.

    Not the one that is checked out: to commit metrics/ or dvc.lock after a run would make another release of it.
    """
    held = _git(root, "ls-files", "-z", "--", *CODE)
    return next(iter(_git(root, "log", "-1", "--format=%H", "--", *CODE)), None) if held else None


def date(root: Path, commit: str | None) -> str | None:
    """The day of a commit, ISO 8601; None where it is not known here."""
    # a release that somebody sent may state anything, also what git would take for an option
    words = ("show", "-s", "--format=%cs", "--end-of-options", f"{commit}^{{commit}}")
    return next(iter(_git(root, *words)), None) if commit else None


def modified(root: Path) -> list[str]:
    """The files of CODE that differ from the commit or are new since, sorted; none without a commit."""
    if commit(root) is None:
        return []
    changed = _git(root, "diff", "--name-only", "--relative", "-z", "HEAD", "--", *CODE)
    return sorted({*changed, *_git(root, "ls-files", "--others", "--exclude-standard", "-z", "--", *CODE)})


def _git(root: Path, *words: str) -> Sequence[str]:
    """What git prints, split at its zeros; nothing where git or the repository is missing."""
    try:
        done = subprocess.run(["git", *words], cwd=root, capture_output=True, check=True)  # noqa: S603, S607  # fixed words, no shell
    except (OSError, subprocess.CalledProcessError):
        return []
    return [part for part in done.stdout.decode(errors="replace").strip("\n").split("\0") if part]
