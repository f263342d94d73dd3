"""A soup of real folders: chosen on development data alone, saved as an encoder, and refused where it cannot be."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from composed import small
from safetensors.torch import load_file
from sweep_inputs import digests, run

from terna import Encoder
from terna.encoder import save
from terna.systems import load_system

pytestmark = pytest.mark.slow

Make = Callable[..., Encoder]


@pytest.fixture
def project(ready: Path, tmp_path: Path, make_encoder: Make) -> Path:
    """A project without its test benchmark, with a start and two encoders that were trained from it, as if."""
    shutil.copytree(ready, tmp_path, dirs_exist_ok=True)
    shutil.rmtree(tmp_path / "data" / "raw" / "sts" / "sts-sample-test")
    for place, name in enumerate(("start", "one", "two")):
        encoder = make_encoder()
        torch.manual_seed(place)
        with torch.no_grad():
            for value in encoder.parameters():
                value.add_(0.02 * place * torch.randn_like(value))
        save(encoder, tmp_path / name)
    return tmp_path


def test_the_best_soup_is_saved_as_an_encoder_with_what_it_was_averaged_from(project: Path) -> None:
    given = {name: digests(project / name) for name in ("start", "one", "two")}
    done = run(project, "soup", "one", "two", "--start", "start", "--out", "soups/mine")
    assert done.returncode == 0, done.stderr
    told = json.loads((project / "soups" / "mine" / "soup.json").read_text())
    assert told["chosen_on"] == "sts-sample-dev cosine_pearson"
    rows = [line.split("|") for line in (project / "soups" / "mine.md").read_text().splitlines() if "|" in line][2:]
    assert rows[0][1].strip() == told["kind"]
    assert float(rows[0][2]) == pytest.approx(told["score"], abs=5e-5)
    assert {row[1].strip() for row in rows} >= {"the start", "one", "two", "uniform", "greedy", "0.5 of uniform"}
    for one in [*told["averaged"], *([told["start"]] if told["start"] else [])]:
        assert one["sha256"] == given[one["folder"]]
    assert done.stdout.splitlines()[-1].startswith(f"soup: soups/mine: best: {told['kind']}, {told['score']:.4f}")
    assert np.isfinite(load_system(str(project / "soups" / "mine")).encode(["Hola."])).all()
    before = digests(project / "soups")
    assert run(project, "soup", "one", "two", "--start", "start", "--out", "soups/mine").returncode == 0
    assert digests(project / "soups") == before, "the same bytes each time"


def test_a_kind_that_is_named_is_kept_whatever_is_the_best(project: Path) -> None:
    done = run(project, "soup", "one", "two", "--kind", "uniform")
    assert done.returncode == 0, done.stderr
    told = json.loads((project / "soups" / "encoder" / "soup.json").read_text())
    assert [one["folder"] for one in told["averaged"]] == ["one", "two"]
    assert (told["kind"], told["share"], told["start"]) == ("uniform", 1.0, None)
    found, *members = (load_file(project / name / "model.safetensors") for name in ("soups/encoder", "one", "two"))
    for name, value in found.items():
        mean = np.mean([each[name].double().numpy() for each in members], axis=0).astype(np.float32)
        assert np.array_equal(value.numpy(), mean), name


def test_what_cannot_be_averaged_or_written_is_refused_and_nothing_is_touched(
    project: Path, make_encoder: Make
) -> None:
    save(make_encoder("model.scratch.layers=1"), project / "smaller")
    before = digests(project)
    for words, message in (
        (["one", "smaller"], "ModelError: smaller: no weight backbone."),
        (["one", "two", "--out", "start"], "ModelError: start: already exists and is not a soup; "),
        (["one", "two", "--out", "one"], "ModelError: one: is one of the encoders; "),
        (["one", "one"], "2 encoders, 1 different: give one or more, each once"),
        ([], "0 encoders, 0 different: give one or more, each once"),
        (["one", "--experiments", "none"], "DataError: none: no encoder of such an experiment in DVC's cache"),
    ):
        done = run(project, "soup", *words)
        assert done.returncode == 1, done.stdout
        assert message in done.stderr
        assert "Traceback" not in done.stderr
    assert digests(project) == before


def test_a_soup_chosen_on_a_test_set_is_refused(project: Path) -> None:
    words = ("evaluate.select_on=sts-sample-test", "evaluate.replication=true")
    assert run(project, "compose", *small(words)).returncode == 0
    done = run(project, "soup", "one", "two")
    assert done.returncode == 1
    assert "soups are chosen on development data, and sts-sample-test is a test benchmark" in done.stderr
