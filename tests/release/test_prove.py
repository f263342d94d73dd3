"""A release is proved from its own files in a clone, and whatever was changed in it is named."""

import json
import re
import shutil
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from proof_inputs import claim, edited, flip, git, make_project, prove, release

from terna.provenance import machine
from terna.records import json_text, sha256_of
from terna.release.lineage import RECORDS
from terna.release.prove import DIFFERS, PROVED, TRUSTED, Finding
from terna.release.prove import proof as proof_module
from terna.release.prove import prove as findings_of
from terna.release.prove.proof import settings_of
from terna.release.prove.raw import raw
from terna.release.prove.released import Released, read_released
from terna.release.prove.scores import card, scores
from terna.release.prove.scratch import lay, make
from terna.release.prove.stages import again
from terna.settings import Settings

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("prove")]

VERDICTS = "encoder/metrics/verdicts.json"


class Proof(NamedTuple):
    """A release, the clone that it was proved in, what was made there, and what the command printed."""

    release: Path
    clone: Path
    scratch: Path
    said: Any


@pytest.fixture(scope="module")
def proof(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Proof:
    """The proof of a clean release, in a fresh clone, every stage run again."""
    folder = tmp_path_factory.mktemp("prove")
    make_project(root, folder / "project")
    shutil.copytree(release(folder / "project"), folder / "release")
    git(folder, "clone", "-q", str(folder / "project"), str(folder / "clone"))
    words = (str(folder / "release"), "--all", "--json", "--scratch", str(folder / "scratch"))
    done = prove(folder / "clone", *words)
    assert done.returncode == 0, done.stdout + done.stderr
    return Proof(folder / "release", folder / "clone", folder / "scratch", json.loads(done.stdout))


@pytest.fixture
def copied(proof: Proof, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the release, to break; the clone is the working folder."""
    shutil.copytree(proof.release, tmp_path / "release")
    monkeypatch.chdir(proof.clone)
    return tmp_path / "release"


@pytest.fixture
def scratch(proof: Proof, tmp_path: Path) -> Path:
    """A copy of what was made again."""
    shutil.copytree(proof.scratch, tmp_path / "scratch", symlinks=True)
    return tmp_path / "scratch"


def of(path: Path) -> tuple[Released, Settings]:
    released = read_released(str(path))
    return released, settings_of(released.lineage, Path("params.yaml"))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the stages evaluate alone is run again: what those before it make lies in `scratch`."""
    monkeypatch.setattr(proof_module, "cheap", lambda _: ["evaluate"])


def named(findings: Iterator[Finding]) -> dict[str, Finding]:
    return {one.what: one for one in findings if one.verdict == DIFFERS}


def test_a_clean_release_is_proved_whole_in_a_fresh_clone(proof: Proof) -> None:
    assert (proof.said[DIFFERS], proof.said[TRUSTED]) == (0, 0)
    found = {one["what"]: one["verdict"] for one in proof.said["findings"]}
    assert set(found.values()) == {PROVED}
    assert {*RECORDS, "code", "train: link", "fetch@sample", "release/README.md"} <= set(found)
    assert "release/metrics/sts.json, sts-sample-test" in found


def test_without_the_option_the_training_is_taken_on_trust_and_said_so(
    proof: Proof, copied: Path, scratch: Path
) -> None:
    released, settings = of(copied)
    steps = json.loads((copied / "metrics" / "train.json").read_text())["steps"]
    [train] = [one for one in again(released, settings, (), scratch) if one.what == "train"]
    assert str(train) == f"taken on trust: train: not run again; --stage train does it ({steps} steps)"


@pytest.mark.parametrize(
    ("stage", "path"),
    [
        ("parallel", "data/parallel/stats.json"),
        ("translate", "data/nli/pairs.parquet"),
        ("triplets", "data/triplets/train.parquet"),
        ("mine", "data/mined/tuples.parquet"),
        ("tokens", "data/tokens/ids.npy"),
        ("teacher", "data/teacher/vectors.npy"),
        ("train", "plots/loss.csv"),
        ("evaluate", "metrics/sts.json"),
    ],
)
def test_a_digest_that_the_whole_chain_states_and_a_stage_does_not_make_is_named(
    copied: Path, scratch: Path, stage: str, path: str
) -> None:
    made = of(copied)[0].links[stage].wrote[path]
    edited(copied, claim(path, "ab" * 32))
    assert named(again(*of(copied), {stage}, scratch)) == {
        f"{stage}: {path}": Finding(
            DIFFERS,
            f"{stage}: {path}",
            f"{path} has sha256 {made}, expected {'ab' * 32}, which it wrote",
            "ab" * 32,
            made,
        )
    }


def test_a_setting_that_the_whole_release_states_and_that_it_was_not_trained_with_is_found_out(
    copied: Path, scratch: Path
) -> None:
    def change(lineage: Any, links: Any) -> None:
        lineage["settings"]["train"]["lr"] *= 2
        links["train"]["settings"]["train"]["lr"] *= 2

    edited(copied, change)
    released, settings = of(copied)
    make(Path.cwd(), scratch, settings)
    found = named(again(released, settings, {"train"}, scratch))
    assert "train: models/encoder/model.safetensors" in found


def elsewhere(lineage: Any, links: Any) -> None:
    """The release was made on another processor, with another Arrow."""
    links["triplets"]["packages"]["pyarrow"] = "0.1"
    for stage in ("train", "evaluate"):
        links[stage]["machine"] = "Python 3.99.0, Linux aarch64"
    lineage["machine"] = f"{links['train']['machine']}, threads {links['train']['threads']}"


def test_other_bytes_with_other_packages_are_taken_on_trust_and_the_packages_named(copied: Path, scratch: Path) -> None:
    edited(copied, elsewhere)
    edited(copied, claim("data/triplets/train.parquet", "ab" * 32))
    [one] = [one for one in again(*of(copied), {"triplets"}, scratch) if one.what == "triplets"]
    now = version("pyarrow")
    told = f"run again, it writes other bytes (1 files), which may be for pyarrow {now}, not 0.1"
    assert (one.verdict, one.told) == (TRUSTED, told)


def test_a_training_on_another_processor_is_proved_by_its_development_score(copied: Path, scratch: Path) -> None:
    edited(copied, elsewhere)
    edited(copied, claim("plots/loss.csv", "ab" * 32))
    [one] = [one for one in again(*of(copied), {"train"}, scratch) if one.what.startswith("train")]
    assert (one.verdict, one.what) == (PROVED, "train: metrics/train.json: selected_score")
    assert f"{machine()}, not Python 3.99.0, Linux aarch64" in one.told
    path = copied / "metrics" / "train.json"
    figures = json.loads(path.read_text())
    path.write_text(json.dumps(figures | {"selected_score": figures["selected_score"] + 0.021}))
    [one] = [one for one in again(*of(copied), {"train"}, scratch) if one.what.startswith("train")]
    assert (one.verdict, one.found) == (DIFFERS, figures["selected_score"])


def test_figures_agree_to_rounding_here_and_to_a_ten_thousandth_elsewhere(copied: Path, scratch: Path) -> None:
    path = copied / "metrics" / "sts.json"
    figures = json.loads(path.read_text())
    for off, here, there in ((0.0, 0, 0), (5e-5, 1, 0), (2e-4, 1, 1)):
        value = figures["sts-sample-test"]["cosine_pearson"] + off
        path.write_text(
            json.dumps({**figures, "sts-sample-test": {**figures["sts-sample-test"], "cosine_pearson": value}})
        )
        assert len(named(scores(*of(copied), scratch))) == here
        edited(copied, elsewhere)
        assert len(named(scores(*of(copied), scratch))) == there
        edited(copied, lambda lineage, links: links["evaluate"].update(machine=machine()))


def test_raw_files_that_are_others_are_named(
    proof: Proof, copied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(proof.clone, tmp_path / "clone", symlinks=True)
    monkeypatch.chdir(tmp_path / "clone")
    path = Path("samples/nli/terna_nli.tsv")
    expected = sha256_of(path)
    flip(path)
    Path("samples/nli/terna_nli.jsonl").unlink()
    released, settings = of(copied)
    found = list(raw(released.links, settings, tmp_path / "scratch"))
    what = "fetch@sample: data/raw/nli/sample/terna_nli.tsv"
    [one] = named(iter(found)).values()
    assert (one.what, one.expected, one.found) == (what, expected, sha256_of(path))
    [lost] = [one for one in found if one.verdict == TRUSTED]
    assert str(lost).startswith(
        "taken on trust: fetch@sample-jsonl: not downloaded again: terna_nli.jsonl could not be"
    )
    assert len(found) == 4


def test_everything_that_was_changed_is_named_at_once(quick: None, copied: Path, scratch: Path) -> None:
    flip(copied / "encoder" / "model.safetensors")
    swap(copied / "metrics" / "sts.json", "cosine_pearson")
    swap(copied / "encoder" / "README.md", "cosine_spearman")
    (copied / "encoder" / "other.bin").write_text("strange")
    edited(copied, lambda lineage, links: lineage["settings"]["train"].update(epochs=9), honest=True)
    found = named(findings_of(str(copied), scratch))
    expected = {
        "release: release/encoder/model.safetensors",
        "release: release/metrics/sts.json",
        "release: release/encoder/README.md",
        "release: release/encoder/other.bin",
        "train: train",
    }
    told = "\n".join(found)
    assert {re.sub(r"train: train.*", "train: train", name) for name in found} >= expected, told
    assert re.search(r"release/metrics/sts.json, sts-sample-\w+: cosine_pearson", told)
    assert re.search(r"release/encoder/README.md, sts-sample-\w+: cosine_spearman", told)


def test_a_figure_that_the_release_states_consistently_is_found_by_the_weights(
    quick: None, copied: Path, scratch: Path
) -> None:
    """The digests of figures and cards are drawn up again as well."""
    value = swap(copied / "metrics" / "sts.json", "cosine_pearson")
    for path in (copied / "README.md", copied / "encoder" / "README.md"):
        swap(path, "cosine_pearson")

    def change(lineage: Any, links: Any) -> None:
        for path in ("metrics/sts.json", "README.md", "encoder/README.md"):
            claim(f"release/{path}", sha256_of(copied / path))(lineage, links)
        claim("metrics/sts.json", sha256_of(copied / "metrics" / "sts.json"))(lineage, links)

    edited(copied, change)
    found = named(findings_of(str(copied), scratch))
    assert "evaluate: metrics/sts.json" in found
    figures = [one for name, one in found.items() if name.endswith(": cosine_pearson")]
    assert len(figures) == 3
    assert {one.found for one in figures} == {value}


def test_a_comparison_and_a_benchmark_that_the_release_states_consistently_are_found_by_the_figures(
    copied: Path, scratch: Path
) -> None:
    """Elsewhere, where the evaluate stage writes other bytes and they are taken on trust."""
    changed = {path: json.loads((copied / path).read_text()) for path in (VERDICTS, "metrics/sts.json")}
    changed[VERDICTS][0]["outcome"] = "better than"
    changed[VERDICTS][0]["difference"] = 0.987
    changed["metrics/sts.json"]["sts2015-es"] = changed["metrics/sts.json"]["sts-sample-test"]
    for path, content in changed.items():
        (copied / path).unlink()
        (copied / path).write_text(json_text(content))
        edited(copied, claim(f"release/{path}", sha256_of(copied / path)))
    edited(copied, claim("metrics/sts.json", sha256_of(copied / "metrics" / "sts.json")))
    released, settings = of(copied)
    lay(released, scratch)
    assert set(named(scores(released, settings, scratch))) == {"release/metrics/sts.json, sts2015-es"}
    assert set(named(card(released, settings, scratch))) == {f"release/{VERDICTS}"}


def swap(path: Path, figure: str) -> float:
    """State another value of a figure in a card's front matter or in metrics/, the first one there; that value."""
    text = path.read_text(encoding="utf-8")
    pattern = rf'"{figure}": (\S+),' if path.suffix == ".json" else rf"type: {figure}\n +value: (\S+)"
    match = re.search(pattern, text)
    assert match
    start, end = match.span(1)
    path.unlink()
    path.write_text(f"{text[:start]}0.987{text[end:]}", encoding="utf-8")
    return 0.987
