"""A release tells where its weights come from, and the first link that broke is the one that is named."""

import hashlib
import json
import re
import resource
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from card_inputs import settings_of
from lineage_inputs import KINDS, STAGES, WEIGHTS, put, report, run_line, train, triplets

from terna.errors import DataError
from terna.records import json_text, sha256_of
from terna.release import verify
from terna.release.lineage import collect, read_lineage
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
        if words[:1] != ("--verify",):
            report(settings)

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
    # no benchmark of the sample is a task of the hub
    assert not list(Path("release").rglob(".*"))
    capsys.readouterr()
    release("--verify")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(": holds")[0] for line in lines] == [
        *dict.fromkeys(KINDS.values()),
        "report",
        "release: every link holds",
    ]


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


@pytest.mark.parametrize(
    ("limit", "file"),
    [
        (6, r"models/encoder/(\S+) \(and 5 more\), copied to \.release\.part/encoder/\1"),
        (4096, r"\.release\.part/encoder/README\.md"),
    ],
)
def test_a_release_that_cannot_be_written_names_the_file_and_leaves_the_one_before(
    release: Release, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], limit: int, file: str
) -> None:
    release()
    before = {path: path.read_bytes() for path in map(Path, every_file())}
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        told = refused(release, capsys, "release.name=other")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert re.fullmatch(f"OSError: {file}: File too large; remove the cause, then run the same command again\n", told)
    assert {path: path.read_bytes() for path in map(Path, every_file())} == before
    assert not Path(".release.part").exists()
    release("--verify")


def test_who_has_the_release_alone_is_told_so_and_the_weights_are_checked_even_then(
    release: Release, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    release()
    for folder in ("data", "models", "metrics", "plots", "predictions", "reports"):
        Path(folder).rename(tmp_path / f"away-{folder}")
    told = refused(release, capsys, "--verify")
    assert "nothing that fetch@sample, fetch@sample-jsonl," in told
    assert "train, evaluate, report wrote is here" in told
    flip("release/encoder/model.safetensors")
    assert "release: release/encoder/model.safetensors has" in refused(release, capsys, "--verify")


def test_a_stage_run_again_by_hand_breaks_the_link_to_those_that_read_what_it_had_written(
    release: Release, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    release()
    triplets(settings, "others")
    assert "DataError: triplets: data/triplets/dev.parquet has" in refused(release, capsys, "--verify")
    told = refused(release, capsys)
    assert "DataError: mine: it read data/triplets/dev.parquet with" in told
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
    root: Path, release: Release, capsys: pytest.CaptureFixture[str]
) -> None:
    told = refused(release, capsys, f"corpora.sample.files.0.sha256=[{'0' * 64}]")
    assert "fetch@sample: data/raw/nli/sample/terna_nli.tsv came with" in told
    assert f"expected {'0' * 64}" in told
    inexact = (f"corpora.sample.files.0.sha256=[{'0' * 64}]", "+corpora.sample.exact=false")
    for stage in STAGES.values():
        stage(settings_of(root, *inexact))
    release(*inexact)


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
        (lambda links: links["tokens"]["wrote"].update({"data/tokens/ids.npy": "00"}), "lineage.json: chain.8.wrote"),
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
    release("machine.progress=false")
    params = Path("params.yaml")
    params.write_text(params.read_text().replace("lr: 0.001", "lr: 0.5"))
    release("--verify")
    notices = [line for line in capsys.readouterr().out.splitlines() if line.startswith("notice")]
    assert notices == ["notice: params.yaml now says other things than at the release, under train"]


def test_a_release_under_other_settings_than_a_stage_ran_with_is_refused_with_both_values(
    root: Path, release: Release, capsys: pytest.CaptureFixture[str]
) -> None:
    """The issue's example: a training by hand with its own rate, pooling and scale, under the default card."""
    train(settings_of(root, "train.lr=5e-3", "train.epochs=1", "train.scale=5.0", "model.pooling=max"))
    STAGES["evaluate"](settings_of(root))
    told = refused(release, capsys)
    for key, ran, now in (("train.lr", 0.005, 0.001), ("train.epochs", 1, 6), ("model.pooling", "'max'", "'mean'")):
        assert f"train: it ran with {key} = {ran}, but the settings here say {now}; run the pipeline again" in told
    assert not LINEAGE.exists()


def every_file() -> list[str]:
    folders = ("data", "models", "metrics", "plots", "predictions", "release", "reports")
    return sorted(path.as_posix() for folder in folders for path in Path(folder).rglob("*") if path.is_file())


def faults(settings: Settings) -> str:
    """What verify says, as `--verify` does; empty where all holds."""
    try:
        list(verify.whole(read_lineage(LINEAGE), settings, Path()))
    except DataError as error:
        return str(error)
    return ""


def test_every_file_that_is_changed_removed_or_added_is_named(release: Release, settings: Settings) -> None:
    release()
    files = every_file()
    assert len(files) > 40
    assert faults(settings) == ""
    missed = []
    for path in files:
        before = Path(path).read_bytes()
        flip(path)
        missed += [f"changed {path}"] * (path not in faults(settings))
        Path(path).unlink()
        missed += [f"removed {path}"] * (path not in faults(settings))
        Path(path).write_bytes(before)
    for folder in sorted({Path(path).parent for path in files} | {Path("data"), Path("data/raw")}):
        for name in ("pytorch_model.bin", ".hidden"):
            added = folder / name
            added.write_text("stray")
            missed += [f"added {added}"] * (added.as_posix() not in faults(settings))
            added.unlink()
        empty = folder / "empty"
        empty.mkdir()
        other = folder == Path("models")  # another encoder's folder may be there
        missed += [f"added {empty}"] * (f"{empty}: no stage wrote it" not in faults(settings) and not other)
        empty.rmdir()
    assert missed == []
    assert faults(settings) == ""


def test_every_file_that_broke_is_named_at_once(release: Release, settings: Settings) -> None:
    release()
    broken = ("data/tokens/ids.npy", "plots/loss.csv", "release/README.md", "reports/index.html")
    for path in broken:
        flip(path)
    told = faults(settings).splitlines()
    assert [path in line for path, line in zip(broken, told, strict=True)] == [True] * 4


@pytest.mark.parametrize("key", ["commit", "machine", "packages", "settings", "accepted", "threads"])
def test_a_field_of_the_lineage_that_was_edited_is_named(release: Release, settings: Settings, key: str) -> None:
    release()
    lineage = json.loads(LINEAGE.read_text())
    change: dict[str, Callable[[], object]] = {
        "commit": lambda: lineage.update(commit="ab" * 20),
        "machine": lambda: lineage.update(machine="another"),
        "packages": lambda: lineage["packages"].update(torch="9.9"),
        "settings": lambda: lineage["settings"]["train"].update(lr=0.5),
        "accepted": lambda: lineage["chain"][0]["accepted"].update({"data/raw/nli/sample/terna_nli.tsv": ["0" * 64]}),
        "threads": lambda: lineage["chain"][-3].update(threads=7),
    }
    change[key]()
    LINEAGE.write_text(json_text(lineage))
    told = faults(settings)
    assert "report: it read release/lineage.json with sha256" in told
    report(settings)  # as if the page had been made of it
    assert f"release/lineage.json: {'train: it ran with train.lr' if key == 'settings' else ''}" in faults(settings)


@pytest.fixture
def page(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Release:
    """The report script, as a person starts it."""

    def call(*words: str) -> None:
        monkeypatch.setattr(sys, "argv", [str(tmp_path / "pipelines" / "report.py"), *words])
        runpy.run_path(sys.argv[0], run_name="__main__")

    return call


def test_a_report_of_a_release_whose_commit_was_edited_is_refused(
    release: Release, page: Release, capsys: pytest.CaptureFixture[str]
) -> None:
    release()
    lineage = json.loads(LINEAGE.read_text())
    LINEAGE.write_text(json_text(lineage | {"commit": "ab" * 20}))
    before = Path("reports/index.html").read_bytes()
    assert refused(page, capsys) == (
        "DataError: release/lineage.json: commit, machine and packages are not those that release/README.md states; "
        "make the release again (dvc repro -s -f release)\n"
    )
    card = Path("release/README.md")
    put(card.as_posix(), card.read_text().replace("The commit of the code is unknown", f"Commit `{'ab' * 20}`"))
    assert "release: release/README.md has sha256" in refused(page, capsys)
    assert Path("reports/index.html").read_bytes() == before


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("release.name=zzz", "release.name = 'terna-sample', but the settings here say 'zzz'"),
        ("release.repo=a/b", "release.repo = 'release/encoder', but the settings here say 'a/b'"),
    ],
)
def test_a_report_under_other_settings_than_the_releases_is_refused_and_found_out(
    root: Path,
    release: Release,
    settings: Settings,
    page: Release,
    capsys: pytest.CaptureFixture[str],
    word: str,
    told: str,
) -> None:
    release()
    assert (
        refused(page, capsys, word) == f"DataError: release: it ran with {told}; run the pipeline again (dvc repro)\n"
    )
    report(settings_of(root, word))  # as if the page had been made of them
    key, value = word.split("=")
    assert f"reports/made.json: it ran with {key} = {value!r}, but the release with" in faults(settings)


@pytest.mark.parametrize(
    "change",
    [
        lambda made: made.update(stage="evaluate"),
        lambda made: made["settings"].update(seed=7),
        lambda made: made["packages"].update(jinja2="9.9"),
        lambda made: made.update(machine="another"),
        lambda made: made.update(threads=7),
        lambda made: made["read"].popitem(),
        lambda made: made["wrote"].update({"release/README.md": sha256_of(Path("release/README.md"))}),
        lambda made: made["wrote"].clear(),
        None,
    ],
)
def test_a_record_of_the_report_that_was_edited_is_named(
    release: Release, settings: Settings, change: Callable[[Any], object] | None
) -> None:
    release()
    path = Path("reports/made.json")
    if change is None:
        path.write_text(path.read_text() + "\n")
    else:
        made = json.loads(path.read_text())
        change(made)
        path.write_text(json_text(made))
    assert (
        "reports/made.json: not as the report stage writes it; run its stage again (dvc repro -s -f report)"
    ) in faults(settings).splitlines()


def test_folders_that_are_no_output_are_passed_over(release: Release, settings: Settings) -> None:
    release()
    for path in ("data/work/translate/x.bin", "models/onnx/model.onnx", "data/raw/nli/other/fetched.json"):
        put(path, "mine")
    Path("data/raw/parallel").mkdir()  # as the stage leaves it where there is no parallel corpus
    Path("models/onnx/empty").mkdir()
    assert faults(settings) == ""
