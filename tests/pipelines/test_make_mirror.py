"""What `make mirror` packs is what params.yaml needs, and enough to run from."""

import os
import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from composed import small
from corpora_inputs import ROW, XNLI, zipped
from download_inputs import BODY, Site, digest, hosted

from terna.settings import compose

ARCHIVE = zipped(("x/c.tsv", XNLI + ROW))
PAIRS = {"STS.input.x.txt": b"Hola.\tVengo.\nVoy.\tSalgo.\n", "STS.gs.x.txt": b"2\n4\n"}
PACKED = ["four/STS.gs.x.txt", "four/STS.input.x.txt", "plain/c.tsv", "zipped/c.zip"]


@pytest.fixture
def site() -> Iterator[Site]:
    with hosted() as site:
        for path, body in ({"c.zip": ARCHIVE, "c.tsv": BODY} | PAIRS).items():
            site.pages[f"/{path}"] = lambda answer, _, body=body: answer.serve(body)  # type: ignore[misc]
        yield site


@pytest.fixture
def project(root: Path, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the scripts and a params.yaml: two corpora and a benchmark from the site."""
    home = tmp_path / "home"
    for folder in ("conf", "pipelines"):
        shutil.copytree(root / folder, home / folder)
    composed = compose(root / "conf", small())
    table = declared(site, {"c.tsv": BODY}, format="xnli_tsv")
    archive = declared(site, {"c.zip": ARCHIVE}, format="xnli_tsv")
    archive["files"][0]["members"] = ["c.tsv"]
    composed["corpora"] = {"zipped": archive, "plain": table}
    composed["evaluate"]["benchmarks"] = {"four": declared(site, PAIRS, format="semeval_sts", role="development")}
    composed["evaluate"]["select_on"] = "four"
    composed["fetch"] = {"only": None, "corpora": ["zipped", "plain"], "benchmarks": ["four"]}
    (home / "params.yaml").write_text(yaml.safe_dump(composed))
    for name in ("TERNA_MIRROR", "TERNA_DEST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return home


def declared(site: Site, files: dict[str, bytes], **fields: object) -> dict[str, object]:
    listed = [{"addresses": [f"{site.root}/{name}"], "sha256": [digest(body)]} for name, body in files.items()]
    return {"language": "es", "licence": "", "citation": "", "files": listed, **fields}


@pytest.fixture
def run(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """A function that runs a script on params.yaml."""
    before = dict(os.environ)

    def call(script: str, **environment: str) -> None:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        words = ["--config-path=..", "--config-name=params"]
        monkeypatch.setattr(sys, "argv", [str(project / "pipelines" / f"{script}.py"), *words])
        runpy.run_path(sys.argv[0], run_name="__main__")

    yield call
    for name in set(os.environ) - set(before):
        del os.environ[name]


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_what_is_packed_is_enough_to_fetch_without_a_network(
    run: Callable[..., None], site: Site, project: Path, tmp_path: Path
) -> None:
    dest = tmp_path / "stick"
    run("mirror", TERNA_DEST=str(dest))
    records = [f"{name}/fetched.json" for name in ("four", "plain", "zipped")]
    assert files(dest) == sorted(["SHA256SUMS", *PACKED, *records])
    site.asked.clear()
    site.pages.clear()
    run("fetch", TERNA_MIRROR=str(dest))
    assert site.asked == []
    assert (project / "data/raw/nli/plain/c.tsv").read_bytes() == BODY
    assert (project / "data/raw/nli/zipped/c.zip").read_bytes() == ARCHIVE
    assert (project / "data/raw/sts/four/STS.gs.x.txt").read_bytes() == PAIRS["STS.gs.x.txt"]


def test_the_sums_are_those_that_sha256sum_checks(run: Callable[..., None], tmp_path: Path) -> None:
    run("mirror", TERNA_DEST=str(tmp_path / "stick"))
    lines = (tmp_path / "stick" / "SHA256SUMS").read_text().splitlines()
    assert lines == [f"{digest((tmp_path / 'stick' / name).read_bytes())}  {name}" for name in PACKED]
    if shutil.which("sha256sum"):
        command = ["sha256sum", "--check", "--strict", "SHA256SUMS"]
        assert subprocess.run(command, cwd=tmp_path / "stick", capture_output=True).returncode == 0


def test_packed_files_that_are_right_are_kept_and_others_replaced(
    run: Callable[..., None], site: Site, tmp_path: Path
) -> None:
    dest = tmp_path / "stick"
    run("mirror", TERNA_DEST=str(dest))
    (dest / "plain" / "c.tsv").write_bytes(b"rotten")
    kept = (dest / "zipped" / "c.zip").stat()
    site.asked.clear()
    run("mirror", TERNA_DEST=str(dest))
    assert site.asked == ["/c.tsv"]
    assert (dest / "plain" / "c.tsv").read_bytes() == BODY
    assert (dest / "zipped" / "c.zip").stat().st_ino == kept.st_ino


def test_the_sums_cover_what_other_settings_had_packed_there(
    run: Callable[..., None], project: Path, tmp_path: Path
) -> None:
    run("mirror", TERNA_DEST=str(tmp_path / "stick"))
    composed = yaml.safe_load((project / "params.yaml").read_text())
    del composed["corpora"]["plain"]
    (project / "params.yaml").write_text(yaml.safe_dump(composed))
    run("mirror")
    assert [line.split()[1] for line in (tmp_path / "stick" / "SHA256SUMS").read_text().splitlines()] == PACKED


@pytest.mark.parametrize("environment", [{}, {"TERNA_DEST": ""}])
def test_without_a_place_to_pack_it_says_how_to_name_one(
    run: Callable[..., None], capsys: pytest.CaptureFixture[str], site: Site, environment: dict[str, str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        run("mirror", **environment)
    assert caught.value.code == 1
    assert "make mirror DEST=" in capsys.readouterr().err
    assert site.asked == []
