"""The site of docs/, built as `make docs` builds it."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

needs_mkdocs = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("mkdocs", "material")), reason="needs the extra `docs`"
)


def build(folder: Path, site: Path) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "NO_MKDOCS_2_WARNING": "1", "SOURCE_DATE_EPOCH": "0"}
    words = ["-m", "mkdocs", "build", "--strict", "--config-file", str(folder / "mkdocs.yml")]
    return subprocess.run([sys.executable, *words, "--site-dir", str(site)], capture_output=True, text=True, env=env)
