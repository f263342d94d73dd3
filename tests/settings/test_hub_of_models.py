"""A path is never taken for a repository of the hub, whoever reads it: settings, stages, sweeps."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from empty_hub import environment, hub
from omegaconf import OmegaConf

from terna.running import jobs
from terna.settings import is_hub_name
from terna.settings.hub import OUTPUTS


@pytest.mark.parametrize("name", ["gpt2", "bert-base-uncased", "dccuchile/bert-base-spanish-wwm-cased", "a.b/c_d.e"])
def test_a_name_of_one_or_two_parts_is_the_hub_s_until_something_here_is_called_so(tmp_path: Path, name: str) -> None:
    assert is_hub_name(name, tmp_path)
    (tmp_path / name.partition("/")[0]).symlink_to("nowhere")
    assert not is_hub_name(name, tmp_path)


PATHS = ["models/encoder", "models/nothing", "data", "./x", "../x", "../x/y", "~/x", "/srv/x", "a/b/c", "x/", "a b", ""]
PATHS += [".", "..", "a/..", "pkg:a/b", "owner/name@main", "owner/name\n", "here/x"]


@pytest.mark.parametrize("name", PATHS)
def test_a_path_is_no_hub_name_though_it_is_not_there(tmp_path: Path, name: str) -> None:
    (tmp_path / "here").mkdir()
    assert not is_hub_name(name, tmp_path)


def test_whatever_a_stage_or_script_writes_is_a_path(root: Path) -> None:
    graph = yaml.safe_load((root / "dvc.yaml").read_text())["stages"].values()
    outs = [out for stage in graph for out in [*stage.get("outs", []), *stage.get("metrics", [])]]
    written = {Path(out if isinstance(out, str) else next(iter(out))).parts[0] for out in outs}
    [cleaned] = [line.split() for line in (root / "Makefile").read_text().splitlines() if "rm -rf data" in line]
    assert written | set(cleaned[2:]) <= set(OUTPUTS)


ASK = """
import json, sys
from terna.data.translation.checkpoint import find
from terna.encoder import build_encoder, load_tokenizer
from terna.errors import ModelError
from terna.settings import Model, Translator, Vocabulary
for name in json.loads(sys.argv[1]):
    model = Model(name, 16, "mean", "main", None, None, Vocabulary(None, None), None)
    translator = Translator(name, "main", {}, 1, "float32", 16, 16, 16)
    asks = (lambda: load_tokenizer(model, []), lambda: build_encoder(model, None), lambda: find(translator))
    for ask in asks:
        try:
            ask()
        except ModelError as error:
            print(error)
"""


def test_the_hub_is_asked_for_no_backbone_and_no_translation_model_that_is_a_path(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    paths = ["models/gone", "./gone", "../gone/y", "here/gone", "a/gone/c", "~/gone", "/gone", "gone "]
    # without the last two it could be a hub that cannot be asked
    names = [*paths, "owner/meant", "meant"]
    with hub() as (address, asked):
        env = environment(address, tmp_path / "home")
        words = [sys.executable, "-c", ASK, json.dumps(names)]
        done = subprocess.run(words, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    keys = ("model.backbone", "model.backbone", "translate.model.checkpoint")
    refused = [line.partition(";")[0] for line in done.stdout.splitlines()[: len(keys) * len(paths)]]
    assert refused == [f"{key}: {path}: not there" for path in paths for key in keys]
    assert not any("gone" in path for path in asked), asked
    for name in ("/owner/meant/resolve/", "/meant/resolve/"):
        assert any(path.startswith(name) for path in asked), asked


@pytest.mark.parametrize(
    ("backbone", "read"),
    [
        ("backbones/mine", "{root}/backbones/mine"),
        ("backbones/gone", "{root}/backbones/gone"),
        ("./gone", "{root}/gone"),
        ("models/gone", "{root}/models/gone"),
        ("/srv/gone", "/srv/gone"),
        ("owner/name", "owner/name"),
        ("gpt2", "gpt2"),
        ("pkg:a/b", "pkg:a/b"),
        ("scratch", "scratch"),
    ],
)
def test_a_job_reads_a_path_in_the_project_and_a_name_on_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backbone: str, read: str
) -> None:
    for folder in ("backbones/mine", "scratch", "job"):
        (tmp_path / folder).mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "job")
    config = OmegaConf.create({"model": {"backbone": backbone}})
    jobs.enter(tmp_path, [], config)
    assert config.model.backbone == read.format(root=tmp_path)
    assert not is_hub_name(config.model.backbone) or config.model.backbone == backbone
