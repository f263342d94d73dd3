"""What a release says of itself fits together, or each thing that does not is named; its signature is of its files."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from card_inputs import settings_of as settings_of_words
from lineage_inputs import KINDS
from proof_inputs import claim, edited, flip, keys
from publish_inputs import made_up, to_break

from terna.errors import DataError, ModelError
from terna.records import sha256_of
from terna.release import hub
from terna.release.lineage import Link
from terna.release.prove import DIFFERS, PROVED, TRUSTED, Finding
from terna.release.prove.chain import chain, code, signature
from terna.release.prove.declared import undeclared
from terna.release.prove.proof import settings_of
from terna.release.prove.released import read_released
from terna.release.prove.scratch import MARK, check, lay, make
from terna.serving.cli import main

BETO = "dccuchile/bert-base-spanish-wwm-cased"
# a digest of no file
AB = "ab" * 32


@pytest.fixture(scope="module")
def made(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a made-up run and its release."""
    return made_up(root, tmp_path_factory.mktemp("made"))


@pytest.fixture
def release(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return to_break(made, tmp_path, monkeypatch)


def found(release: Path) -> list[Finding]:
    released = read_released(str(release))
    lay(released, release.parent / "scratch")
    return list(chain(released, settings_of(released.lineage, Path("params.yaml")), release.parent / "scratch"))


def differing(release: Path) -> set[str]:
    return {one.what for one in found(release) if one.verdict == DIFFERS}


def test_a_release_as_it_was_made_fits_together(release: Path) -> None:
    told = found(release)
    assert {one.verdict for one in told} == {PROVED}
    assert [one.what for one in told] == [f"{stage}: link" for stage in [*dict.fromkeys(KINDS.values())]]


def test_so_does_a_copy_of_what_goes_to_the_hub(release: Path, made: Path, tmp_path: Path) -> None:
    going = hub.files(read_released(str(release)).lineage)
    for name, path in going.items():
        (tmp_path / "repository" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, tmp_path / "repository" / name)
    (tmp_path / "repository" / ".gitattributes").touch()
    assert differing(tmp_path / "repository") == set()
    flip(tmp_path / "repository" / "model.safetensors")
    assert differing(tmp_path / "repository") == {"release: release/encoder/model.safetensors"}


def test_every_file_of_the_release_that_has_another_byte_is_named(release: Path) -> None:
    paths = [path for path in release.rglob("*") if path.is_file() and path.name != "lineage.json"]
    for path in paths:
        flip(path)
    assert differing(release) >= {f"release: release/{path.relative_to(release)}" for path in paths}
    for path in paths:
        path.unlink()
    assert differing(release) >= {f"release: release/{path.relative_to(release)}" for path in paths}


@pytest.mark.parametrize("path", [path for path in KINDS if not path.startswith(("data/raw", "release"))])
def test_a_stated_digest_of_what_a_stage_wrote_is_held_by_its_record(release: Path, path: str) -> None:
    edited(release, lambda _, links: links[KINDS[path]]["wrote"].update({path: AB}), honest=True)
    told = "\n".join(differing(release))
    assert f"{KINDS[path]}: " in told
    assert "made.json" in told


Change = Callable[[Any, Any], object]


CARDS = {"release/README.md: Lineage", "release/encoder/README.md: Lineage"}
TSV, OTHER = "data/raw/nli/sample/terna_nli.tsv", "release/encoder/x.bin"


@pytest.mark.parametrize(
    ("change", "names"),
    [
        (lambda _, of: of["fetch@sample"]["wrote"].update({TSV: AB}), {f"fetch@sample: {TSV}", f"translate: {TSV}"}),
        (
            lambda all, _: all["settings"].update(seed=7),
            {f"{s}: seed" for s in ("triplets", "mine", "train", "evaluate")},
        ),
        (lambda all, _: all["settings"]["train"].update(lr=7.0), {"train: train.lr"}),
        (lambda _, of: of["train"]["settings"].update(seed=7), {"train: seed", "train: models/made.json"}),
        (lambda _, of: of["train"].update(threads=7), {"train: models/made.json", "release/lineage.json: machine"}),
        (lambda _, of: of["tokens"]["packages"].update(numpy="0"), {"tokens: data/tokens/made.json"}),
        (lambda all, _: all["packages"].update(numpy="0"), {"release/lineage.json: packages", *CARDS}),
        (lambda all, _: all.update(commit="ab" * 20), CARDS),
        (lambda all, _: all.update(name="zzz"), {"release/lineage.json: name"}),
        (
            lambda _, of: of["fetch@sample"]["accepted"].update({TSV: [AB, of["fetch@sample"]["wrote"][TSV]]}),
            {f"fetch@sample: accepted: {TSV}"},
        ),
        (lambda _, of: of["release"]["wrote"].update({OTHER: AB}), {f"release: {OTHER}"}),
    ],
)
def test_an_edited_chain_is_named(release: Path, change: Change, names: set[str]) -> None:
    edited(release, change, honest=True)
    assert differing(release) == names


@pytest.mark.parametrize(
    ("stage", "words", "model", "named"),
    [
        ("train", ["model=beto", "model.revision=main"], {"name": BETO, "revision": "main", "commit": AB}, []),
        ("train", ["model=beto", "model.revision=main"], {"name": "a/b", "revision": AB}, ["name", "revision"]),
        ("train", ["model=tiny"], None, []),
        ("mine", ["mine.encoder=a/b@main"], {"where": "a/c@main", "sha256": {}}, ["where"]),
        ("translate", ["translate=opus_mt"], {"checkpoint": "a/b", "commit": AB}, ["checkpoint"]),
        ("evaluate", ["+evaluate.systems.x=a/b@main"], {"x": {}}, []),
    ],
)
def test_a_model_that_is_not_the_one_of_the_settings_is_named(
    root: Path, stage: str, words: list[str], model: dict[str, Any] | None, named: list[str]
) -> None:
    faults = undeclared(Link(stage=stage, read={}, wrote={}, model=model), settings_of_words(root, *words))
    assert [fault.what for fault in faults] == [f"model: {key}" for key in named]


def test_files_that_no_stage_wrote_are_named(release: Path) -> None:
    (release / "encoder" / "weights.bin").touch()
    assert differing(release) == {"release: release/encoder/weights.bin"}


def test_weights_under_a_consistent_other_digest_are_not_those_that_training_wrote(release: Path) -> None:
    flip(release / "encoder" / "model.safetensors")
    digest = sha256_of(release / "encoder" / "model.safetensors")
    edited(release, claim("release/encoder/model.safetensors", digest))
    assert differing(release) == {"release: release/encoder/model.safetensors"}


def test_the_code_of_another_commit_is_named(release: Path, root: Path) -> None:
    [one] = code(read_released(str(release)), root)
    assert (one.verdict, one.told) == (TRUSTED, "the release states no commit")
    edited(release, lambda all, _: all.update(commit="ab" * 20), honest=True)
    one = next(code(read_released(str(release)), Path()))
    assert (one.verdict, one.expected, one.found) == (DIFFERS, "ab" * 20, None)


def test_a_signature_is_of_these_files_by_this_key(release: Path, tmp_path: Path) -> None:
    pytest.importorskip("model_signing")
    from terna.release.signature import sign

    key, other = keys(tmp_path / "key"), keys(tmp_path / "other")
    sign(read_released(str(release)).published(), key, tmp_path / "model.sig")

    def verdict(public: Path) -> str:
        [one] = signature(read_released(str(release)), public)
        return f"{one.verdict}: {one.told}"

    assert verdict(key.with_suffix(".pub")).startswith("proved: the owner of")
    assert verdict(other.with_suffix(".pub")).startswith("differs: expected a signature of these files by the owner of")
    [unread] = signature(read_released(str(release)), None)
    assert unread.verdict == TRUSTED
    flip(release / "encoder" / "model.safetensors")
    assert "Hash mismatch for 'model.safetensors'" in verdict(key.with_suffix(".pub"))
    (tmp_path / "model.sig").unlink()
    assert verdict(key.with_suffix(".pub")).endswith("found nothing")


def test_what_is_no_release_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no lineage\.json in it or beside it; give release/"):
        read_released(str(tmp_path))
    with pytest.raises(ModelError, match="neither a folder nor"):
        read_released("nobody/nothing@main")


def test_a_proof_runs_in_a_project_and_writes_outside_of_it(
    release: Path, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(DataError, match="in the project itself; give a folder outside of"):
        check(root, root / "scratch", str(release))
    monkeypatch.chdir(tmp_path)
    assert main(["prove", str(release)]) == 1
    assert f"{tmp_path}: no pipelines, conf, src, dvc.yaml, params.yaml; run this in a clone" in capsys.readouterr().err


def test_a_scratch_folder_that_holds_the_release_or_other_work_is_refused_and_left_alone(
    release: Path, root: Path, tmp_path: Path
) -> None:
    (tmp_path / "other" / "src").mkdir(parents=True)
    (tmp_path / "file").touch()
    for scratch, told in (
        (tmp_path, "lies in it and would be replaced; give a folder of its own"),
        (release, "lies in it and would be replaced"),
        (tmp_path / "other", "not empty, and not of an earlier proof; give an empty folder, or a new one"),
        (tmp_path / "file", "a file; give an empty folder"),
    ):
        with pytest.raises(DataError, match=told):
            check(root, scratch, str(release))
    assert sha256_of(release / "README.md")
    for fresh in ("new", "empty"):
        (tmp_path / "empty").mkdir(exist_ok=True)
        check(root, tmp_path / fresh, str(release))
    (tmp_path / "other" / MARK).touch()
    check(root, tmp_path / "other", str(release))
    settings = settings_of(read_released(str(release)).lineage, Path("params.yaml"))
    with pytest.raises(DataError, match=r"file/new: cannot be written \(Not a directory\); give a folder in which"):
        make(root, tmp_path / "file" / "new", settings)


LEFT_OUT = (
    "README.md",
    "encoder/README.md",
    "encoder/metrics/verdicts.json",
    "encoder/config.json",
    "metrics/sts.json",
)


@pytest.mark.parametrize("path", LEFT_OUT)
def test_a_file_that_a_release_and_its_chain_leave_out_is_named(release: Path, path: str) -> None:
    def leave_out(_: Any, links: Any) -> None:
        source = path if path.startswith("metrics/") else f"models/{path}"
        links["release"]["wrote"].pop(f"release/{path}")
        links["release"]["read"].pop(source, None)

    (release / path).unlink()
    edited(release, leave_out)
    assert differing(release) == {f"release: release/{path}"}


def test_weights_that_the_chain_does_not_tie_to_the_training_are_named(release: Path) -> None:
    name = "encoder/model.safetensors"
    flip(release / name)
    edited(release, lambda _, links: links["release"]["read"].pop(f"models/{name}"))
    edited(release, claim(f"release/{name}", sha256_of(release / name)))
    assert differing(release) == {f"release: release/{name}"}


def test_a_command_that_runs_other_code_than_the_clones_is_named(release: Path, root: Path, tmp_path: Path) -> None:
    shutil.copytree(root / "src", tmp_path / "clone" / "src", ignore=shutil.ignore_patterns("__pycache__"))
    what = "code: this command"
    assert what not in {one.what for one in code(read_released(str(release)), tmp_path / "clone")}
    flip(tmp_path / "clone" / "src" / "terna" / "release" / "card" / "card.md.j2")
    (tmp_path / "clone" / "src" / "terna" / "records.py").unlink()
    [one] = [one for one in code(read_released(str(release)), tmp_path / "clone") if one.what == what]
    assert one.verdict == DIFFERS
    assert "records.py, release/card/card.md.j2; run it with PYTHONPATH=" in one.told


def test_the_stages_of_the_option_are_those_of_the_graph() -> None:
    from terna.release.lineage import RECORDS
    from terna.serving.cli.proof_arguments import STAGES

    assert list(STAGES) == list(RECORDS)
    done = subprocess.run([sys.executable, "-m", "terna", "prove", "--help"], capture_output=True, text=True)
    assert done.returncode == 0
