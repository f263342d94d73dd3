"""Fixtures that every test may use."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's root."""
    return ROOT


@pytest.fixture(scope="session")
def mirror() -> Path:
    """A folder of real corpora, each file under the name it has at its source; skips without one."""
    folder = Path(os.environ.get("TERNA_MIRROR") or ROOT.parent / "shared" / "corpora")
    if not (folder / "esxnli.tsv").is_file():
        pytest.skip(f"no corpora in {folder}: set TERNA_MIRROR to a folder that has them")
    return folder
