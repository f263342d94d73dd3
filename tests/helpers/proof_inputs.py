"""A very small project in Git, run to its release; a release with a chain that somebody edited."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from composed import small
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from stages import STAGES
from sweep_inputs import COMPOSED, SMALLEST, run

from terna.records import json_text

TRACKED = ("conf", "pipelines", "samples", "src", "dvc.yaml", "pyproject.toml", "requirements.lock", ".gitignore")
STATED = ("stage", "settings", "packages", "machine", "threads", "read", "wrote")


def make_project(root: Path, folder: Path) -> None:
    """The project in a repository of its own, composed with the smallest settings."""
    folder.mkdir()
    for name in TRACKED:
        if (root / name).is_dir():
            shutil.copytree(root / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(root / name, folder / name)
    succeed(folder, "compose", *small(SMALLEST))
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "all"]):
        git(folder, *words)


def release(project: Path) -> Path:
    """Run the whole graph in the project; the release."""
    for stage in STAGES[: STAGES.index("release") + 1]:
        succeed(project, stage, *COMPOSED)
    return project / "release"


def succeed(project: Path, script: str, *words: str) -> None:
    done = run(project, script, *words)
    assert done.returncode == 0, done.stderr


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@t", *words], cwd=folder, check=True)


def prove(clone: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The command, in a clone, with its code."""
    line = [sys.executable, "-m", "terna", "prove", *words]
    env = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(clone / "src"), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]),
    }
    return subprocess.run(line, cwd=clone, env=env, capture_output=True, text=True)


def edited(release: Path, change: Callable[[dict[str, Any], dict[str, Any]], object], *, honest: bool = False) -> None:
    """Change lineage.json: `change` is given the whole and its links by stage.

    honest: False draws up the digests of records again, as somebody would who hides what was changed.
    """
    path = release / "lineage.json"
    lineage = json.loads(path.read_text(encoding="utf-8"))
    links = {link["stage"]: link for link in lineage["chain"]}
    change(lineage, links)
    for link in links.values() if not honest else ():
        text = json_text({name: link[name] for name in STATED})
        link["record"] = {record: hashlib.sha256(text.encode()).hexdigest() for record in link["record"]}
    path.unlink()
    path.write_text(json_text(lineage), encoding="utf-8")


def claim(path: str, digest: str) -> Callable[[dict[str, Any], dict[str, Any]], None]:
    """A change after which the whole chain gives a file this digest."""

    def change(lineage: dict[str, Any], links: dict[str, Any]) -> None:
        for link in links.values():
            for kind in ("read", "wrote"):
                link[kind] |= {path: digest} if path in link[kind] else {}

    return change


def flip(path: Path) -> None:
    """Change the last byte of a file."""
    before = path.read_bytes()
    path.unlink()
    path.write_bytes(before[:-1] + bytes([before[-1] ^ 1]))


def keys(path: Path) -> Path:
    """A private key, with its public one beside it, by cryptography itself."""
    private, pem = ec.generate_private_key(ec.SECP256R1()), serialization.Encoding.PEM
    path.write_bytes(private.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    public = private.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo)
    path.with_suffix(".pub").write_bytes(public)
    return path
