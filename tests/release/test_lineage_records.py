"""A record holds the files of its stage alone, and the models that came from outside are named."""

import hashlib
import json
import platform
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml
from card_inputs import settings_of
from lineage_inputs import STAGES, put, run_line

from terna.errors import DataError
from terna.provenance import PACKAGES, SETTINGS, packages, record
from terna.release.lineage import collect


def test_a_folder_stands_for_its_files_but_not_for_hidden_ones_and_records(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(root)
    monkeypatch.chdir(tmp_path)
    for path in ("out/b", "out/a/z", "out/.half.part", "out/.git/x", "out/made.json", "one"):
        put(path, path)
    record("tokens", settings, [Path("one")], [Path("out")], Path("out/made.json"))
    made = json.loads(Path("out/made.json").read_text())
    assert list(made["wrote"]) == ["out/a/z", "out/b"]
    assert made["read"] == {"one": hashlib.sha256(b"one").hexdigest()}
    with pytest.raises(DataError, match="nowhere: not there"):
        record("tokens", settings, [Path("nowhere")], [], Path("made.json"))


def test_models_from_outside_are_named_where_they_were_loaded(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run_line(root, tmp_path)
    put("data/nli/accounts.json", json.dumps({"translated_by": {"checkpoint": "a/b", "commit": "12"}}))
    hub = settings_of(root, "model=beto", "model.revision=main")
    links = {link.stage: link for link in collect(hub).chain}
    assert links["translate"].model == {"checkpoint": "a/b", "commit": "12"}
    assert links["train"].model == {"name": hub.model.backbone, "revision": "main", "commit": "7e" * 20}
    assert [stage for stage in links if links[stage].model] == ["translate", "train"]
    assert set(STAGES) < set(links)


def test_a_record_has_the_settings_that_the_graph_names_for_its_stage(root: Path) -> None:
    graph = yaml.safe_load((root / "dvc.yaml").read_text())["stages"]
    for stage, keys in SETTINGS.items():
        assert list(keys) == graph[stage]["params"], stage
    recorded = {stage for stage, text in graph.items() if "src/terna/provenance.py" in text["deps"]} - {"release"}
    assert set(SETTINGS) == recorded


def test_a_record_says_with_which_settings_packages_and_threads_it_was_made(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(root, "train.lr=0.25", "model.pooling=max")
    monkeypatch.chdir(tmp_path)
    record("train", settings, [], [], Path("made.json"), threads=3)
    made = json.loads(Path("made.json").read_text())
    assert (made["settings"]["train"]["lr"], made["settings"]["model"]["pooling"], made["threads"]) == (0.25, "max", 3)
    assert set(made["settings"]) == {"seed", "model", "train", "evaluate.select_on", "evaluate.main_score"}
    assert made["packages"]["torch"] == version("torch")
    assert made["machine"].startswith(f"Python {platform.python_version()}, {platform.system()}")
    record("tokens", settings, [], [], Path("made.json"))
    made = json.loads(Path("made.json").read_text())
    assert (made["machine"], made["threads"]) == (None, None)


def test_the_package_that_a_backbone_is_in_counts_among_the_packages() -> None:
    assert packages("train", "scratch") == {name: version(name) for name in PACKAGES["train"]}
    assert packages("train", "pkg:hydra/model")["hydra-core"] == version("hydra-core")
    assert set(packages("parallel", "pkg:hydra/model")) == set(PACKAGES["parallel"])


@pytest.mark.parametrize("content", ["null", "[1]", "{}", None])
@pytest.mark.parametrize(
    ("path", "stage"),
    [
        ("data/raw/nli/sample/fetched.json", "fetch@sample"),
        ("data/raw/sts/sts-sample-dev/fetched.json", "benchmarks@sts-sample-dev"),
        ("data/nli/accounts.json", "translate"),
        ("metrics/train.json", "train"),
        ("data/tokens/made.json", "that writes it"),
    ],
)
def test_a_record_of_another_shape_or_a_folder_in_its_place_is_named_with_its_stage(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, stage: str, content: str | None
) -> None:
    monkeypatch.chdir(tmp_path)
    run_line(root, tmp_path)
    Path(path).unlink()
    Path(path).mkdir() if content is None else Path(path).write_text(content)
    with pytest.raises(DataError, match=rf"^{path}: ") as caught:
        collect(settings_of(root, "model=beto"))
    assert ("a folder, expected a file" if content is None else stage) in str(caught.value)
