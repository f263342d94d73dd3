"""A release tells where its weights come from, and the first link that broke is the one that is named."""

import hashlib
import json
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lineage_inputs import KINDS, WEIGHTS, put, run_line, train, triplets

from terna.errors import DataError
from terna.release import verify
from terna.release.lineage import collect
from terna.settings import Settings

LINEAGE = Path("release/lineage.json")
Release = Callable[..., None]


@pytest.fixture
def settings(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of a project that has run; it is the working folder."""
    monkeypatch.chdir(tmp_path)
    return run_line(root, tmp_path)


@pytest.fixture
def release(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Release:
    """The release script, as a person starts it."""

    def call(*words: str) -> None:
        monkeypatch.setattr(sys, "argv", [str(tmp_path / "pipelines" / "release.py"), *words])
        runpy.run_path(sys.argv[0], run_name="__main__")

    return call


def flip(path: str) -> str:
    """Change the last byte of a file and give the digest that it had."""
    before = Path(path).read_bytes()
    Path(path).write_bytes(before[:-1] + bytes([before[-1] ^ 1]))
    return hashlib.sha256(before).hexdigest()


def refused(call: Release, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.raises(SystemExit) as caught:
        call(*words)
    assert caught.value.code == 1
    return capsys.readouterr().err


def test_a_release_has_every_file_from_the_raw_ones_to_the_weights_and_verifies(
    release: Release, capsys: pytest.CaptureFixture[str]
) -> None:
    release()
    lineage = json.loads(LINEAGE.read_text())
    wrote = {path: digest for link in lineage["chain"] for path, digest in link["wrote"].items()}
    for path in KINDS:
        assert wrote[path] == hashlib.sha256(Path(path).read_bytes()).hexdigest()
    assert wrote["release/encoder/model.safetensors"] == wrote[WEIGHTS]
    assert wrote[WEIGHTS] in Path("release/README.md").read_text()
    release("--verify")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(": holds")[0] for line in lines] == list(dict.fromkeys(KINDS.values()))


def test_two_releases_of_the_same_files_are_the_same_bytes(release: Release) -> None:
    found = []
    for _ in range(2):
        release()
        found.append({path.as_posix(): path.read_bytes() for path in Path("release").rglob("*") if path.is_file()})
    assert found[0] == found[1]
    assert LINEAGE.as_posix() in found[0]


def test_a_flipped_byte_is_named_with_its_stage_also_where_later_files_are_damaged_too(
    release: Release, capsys: pytest.CaptureFixture[str]
) -> None:
    release()
    for path, stage in reversed(KINDS.items()):
        expected = flip(path)
        found = hashlib.sha256(Path(path).read_bytes()).hexdigest()
        assert f"DataError: {stage}: {path} has sha256 {found}, expected {expected}" in refused(
            release, capsys, "--verify"
        )


@pytest.mark.parametrize("path", [path for path in KINDS if not path.startswith(("release", "metrics"))])
def test_a_release_is_refused_when_a_file_is_not_what_its_stage_wrote(settings: Settings, path: str) -> None:
    links = collect(settings).chain
    flip(path)
    with pytest.raises(DataError, match=f"^{KINDS[path]}: {path} has"):
        list(verify.check(links, Path()))


def test_a_file_that_is_missing_is_named_and_what_was_released_before_stays(
    release: Release, capsys: pytest.CaptureFixture[str]
) -> None:
    release()
    before = LINEAGE.read_bytes()
    Path("data/tokens/ids.npy").unlink()
    for words in ([], ["--verify"]):
        assert "tokens: data/tokens/ids.npy, which it wrote" in refused(release, capsys, *words)
    assert LINEAGE.read_bytes() == before


def test_who_has_the_release_alone_is_told_so_and_the_weights_are_checked_even_then(
    release: Release, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    release()
    for folder in ("data", "models", "metrics", "predictions"):
        Path(folder).rename(tmp_path / f"away-{folder}")
    told = refused(release, capsys, "--verify")
    assert "nothing that fetch@sample, fetch@sample-jsonl," in told
    assert "train, evaluate wrote is here" in told
    flip("release/encoder/model.safetensors")
    assert "release: release/encoder/model.safetensors has" in refused(release, capsys, "--verify")


def test_a_stage_run_again_by_hand_breaks_the_link_to_those_that_read_what_it_had_written(
    release: Release, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    release()
    triplets(settings, "others")
    assert "DataError: triplets: data/triplets/dev.parquet has" in refused(release, capsys, "--verify")
    told = refused(release, capsys)
    assert "DataError: tokens: it read data/triplets/dev.parquet with" in told
    assert "which triplets wrote; run the pipeline again (dvc repro)" in told
    triplets(settings)
    release("--verify")


def test_a_file_that_no_stage_wrote_cannot_come_into_the_chain(
    release: Release, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    put("data/tokens/stray.npy", "stray")
    train(settings)
    assert "train: it read data/tokens/stray.npy, which no stage before it wrote" in refused(release, capsys)


def test_raw_bytes_that_the_declaration_does_not_accept_are_refused_where_it_is_exact(
    release: Release, capsys: pytest.CaptureFixture[str]
) -> None:
    told = refused(release, capsys, f"corpora.sample.files.0.sha256=[{'0' * 64}]")
    assert "fetch@sample: data/raw/nli/sample/terna_nli.tsv came with" in told
    assert f"expected {'0' * 64}" in told
    release(f"corpora.sample.files.0.sha256=[{'0' * 64}]", "corpora.sample.exact=false")


def edited(change: Callable[[Any], object]) -> None:
    lineage = json.loads(LINEAGE.read_text())
    change({link["stage"]: link for link in lineage["chain"]} | {"all": lineage})
    LINEAGE.write_text(json.dumps(lineage))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda links: links["tokens"]["wrote"].update({"data/tokens/ids.npy": "0" * 64}), "tokens: data/tokens/ids"),
        (lambda links: links["train"]["read"].update({"data/tokens/ids.npy": "0" * 64}), "train: it read data/tokens"),
        (
            lambda links: links["release"]["wrote"].update({"release/encoder/model.safetensors": "0" * 64}),
            "release: release/encoder/model.safetensors has",
        ),
        (lambda links: links["release"]["wrote"].pop("release/encoder/config.json"), "has sha256 None, expected"),
        (lambda links: links["all"]["chain"].pop(), "lineage.json: the chain goes parallel, translate,"),
        (lambda links: links["tokens"]["wrote"].update({"data/tokens/ids.npy": "00"}), "lineage.json: chain.7.wrote"),
        (lambda links: links["all"].pop("commit"), "lineage.json: commit: "),
    ],
)
def test_a_lineage_that_was_edited_is_found_out(
    release: Release, capsys: pytest.CaptureFixture[str], change: Callable[[Any], object], message: str
) -> None:
    release()
    edited(change)
    assert message in refused(release, capsys, "--verify")


def test_a_lineage_that_is_not_there_or_no_json_is_said_so(
    release: Release, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "release/lineage.json: not there" in refused(release, capsys, "--verify")
    put("release/lineage.json", "{")
    assert "release/lineage.json: not JSON" in refused(release, capsys, "--verify")


def test_other_settings_since_the_release_are_told_and_break_nothing(
    release: Release, capsys: pytest.CaptureFixture[str]
) -> None:
    release("train.lr=0.5", "machine.progress=false")
    release("--verify")
    notices = [line for line in capsys.readouterr().out.splitlines() if line.startswith("notice")]
    assert notices == ["notice: params.yaml now says other things than at the release, under train"]
