"""Digests of the files and encoders that the settings name: what a fetch would take, a loss, a folder."""

from pathlib import Path
from typing import Any

import pytest
from composed import compose_once, small

from terna.data.corpora import check_file
from terna.data.download import fetch_corpus, local_digests
from terna.errors import DownloadError
from terna.records import sha256_of
from terna.settings import Settings

FOLDER = Path("data/raw/nli/own")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    Path("my").mkdir()
    Path("my/pairs.csv").write_text("anchor,positive\nUno.,Dos.\n")
    return tmp_path


def settings_of(root: Path, *words: str) -> Settings:
    own = ["corpora=own", "corpora.own.shape=pairs", "corpora.own.files=[my/pairs.csv]", *words]
    return compose_once(root, small(own))


def fetched(settings: Settings, **given: Any) -> None:
    own = settings.corpora["own"]
    fetch_corpus(own, FOLDER, **{"mirror": None, "check": check_file, "progress": False, **given})


def test_an_edited_file_has_another_digest_which_is_that_of_the_bytes_that_a_fetch_takes(
    root: Path, project: Path
) -> None:
    settings = settings_of(root)
    before = local_digests(settings, mirror=None)
    assert before["nli"] == {"own": {"pairs.csv": sha256_of(Path("my/pairs.csv"))}}
    assert before == local_digests(settings, mirror=None)
    fetched(settings)
    Path("my/pairs.csv").write_text("anchor,positive\nUno.,Tres.\n")
    after = local_digests(settings, mirror=None)["nli"]["own"]["pairs.csv"]
    assert after not in before["nli"]["own"].values()
    fetched(settings)
    assert sha256_of(FOLDER / "pairs.csv") == after


def test_a_file_that_is_not_on_the_machine_counts_as_unchanged_since_it_was_fetched(root: Path, project: Path) -> None:
    settings = settings_of(root)
    before = local_digests(settings, mirror=None)
    fetched(settings)
    Path("my/pairs.csv").unlink()
    assert local_digests(settings, mirror=None) == before
    # but not where another file is declared
    other = settings_of(root, "corpora.own.files=[other/pairs.csv]")
    assert local_digests(other, mirror=None)["nli"] == {"own": {}}


def test_a_file_of_the_same_name_in_the_mirror_is_not_taken_for_one_that_a_path_leads_to(
    root: Path, project: Path
) -> None:
    settings = settings_of(root)
    (project / "mirror" / "other").mkdir(parents=True)
    (project / "mirror" / "other" / "pairs.csv").write_text("anchor,positive\nOtra.,Cosa.\n")
    own = local_digests(settings, mirror=None)
    assert local_digests(settings, mirror=project / "mirror") == own
    fetched(settings, mirror=project / "mirror")
    assert {"pairs.csv": sha256_of(FOLDER / "pairs.csv")} == own["nli"]["own"]


def test_each_text_of_a_folder_counts(root: Path, project: Path) -> None:
    Path("my/law").mkdir()
    for name in ("a.txt", "b.txt"):
        Path(f"my/law/{name}").write_text(f"El artículo {name}.\n")
    settings = settings_of(root, "corpora.own.shape=texts", "corpora.own.files=[my/law]")
    before = local_digests(settings, mirror=None)["nli"]["own"]
    Path("my/law/b.txt").write_text("Otro.\n")
    after = local_digests(settings, mirror=None)["nli"]["own"]
    assert [name for name in before | after if before.get(name) != after.get(name)] == ["law/b.txt"]


def test_a_pinned_file_that_was_edited_is_refused_although_its_copy_is_there(root: Path, project: Path) -> None:
    pinned = sha256_of(Path("my/pairs.csv"))
    exact = f"corpora.own.files=[{{addresses:[my/pairs.csv],sha256:[{pinned}]}}]"
    settings = settings_of(root, exact, "corpora.own.exact=true")
    fetched(settings)
    Path("my/pairs.csv").write_text("anchor,positive\nUno.,Tres.\n")
    with pytest.raises(DownloadError, match=rf"my/pairs\.csv: .* expected {pinned}; if you edited it, declare its new"):
        fetched(settings)
    assert sha256_of(FOLDER / "pairs.csv") == pinned


def test_an_edited_loss_has_another_digest_and_is_not_imported(root: Path, project: Path) -> None:
    Path("my/hinge.py").write_text("raise RuntimeError\n")
    settings = settings_of(root, "train.loss.tuples=my.hinge.loss")
    before = local_digests(settings, mirror=None)["losses"]
    assert before == {"my.hinge.loss": {"hinge.py": sha256_of(Path("my/hinge.py"))}}
    Path("my/hinge.py").write_text("raise ValueError\n")
    assert local_digests(settings, mirror=None)["losses"] != before
    # training says that it is not there
    lost = settings_of(root, "train.loss.tuples=nowhere.at.all")
    assert local_digests(lost, mirror=None)["losses"] == {"nowhere.at.all": {}}


def encoder(folder: Path, weights: bytes) -> Path:
    (folder / "1_Pooling").mkdir(parents=True, exist_ok=True)
    for name, content in {"config.json": b"{}", "1_Pooling/config.json": b"{}", "model.safetensors": weights}.items():
        (folder / name).write_bytes(content)
    (folder / "notes.md").write_bytes(weights)
    return folder


SETTINGS = [
    ("model", "model.backbone", ["model=minilm"]),
    ("teacher", "train.distill.teacher", ["train=student", "train.after=null", "train.cosent_scale=20.0"]),
    ("teacher", "train.guide.encoder", ["train.guide={encoder: my/encoder, margin: 0.0}"]),
    ("mine", "mine.encoder", ["mine=none"]),
    ("systems", "evaluate.systems.before", ["+evaluate.systems.before=x"]),
    ("translator", "translate.model.checkpoint", ["translate=opus_mt"]),
]


@pytest.mark.parametrize(("group", "setting", "words"), SETTINGS)
def test_an_edited_encoder_has_other_digests_for_who_reads_it(
    root: Path, project: Path, group: str, setting: str, words: list[str]
) -> None:
    folder = encoder(Path("my/encoder"), b"1")
    settings = settings_of(root, *words, f"{setting}=my/encoder")
    before = local_digests(settings, mirror=None)
    files = ["1_Pooling/config.json", "config.json", "model.safetensors"]
    assert before[group][setting] == {name: sha256_of(folder / name) for name in files}
    encoder(folder, b"2")
    after = local_digests(settings, mirror=None)
    assert [name for name in after if before[name] != after[name]] == [group]
    assert after[group][setting]["model.safetensors"] != before[group][setting]["model.safetensors"]


def test_an_encoder_of_the_hub_or_of_a_package_is_none_of_your_files(root: Path, project: Path) -> None:
    found = local_digests(settings_of(root, "model=e5_small"), mirror=None)
    assert found["model"] == {"model.backbone": {}}
    assert found["teacher"] == found["mine"] == found["systems"] == found["translator"] == {}


def test_word_vectors_are_one_file(root: Path, project: Path) -> None:
    Path("my/words.vec").write_text("1 1\nsol 1\n")
    found = local_digests(settings_of(root, "+evaluate.systems.words=my/words.vec"), mirror=None)["systems"]
    assert found == {"evaluate.systems.words": {"words.vec": sha256_of(Path("my/words.vec"))}}
