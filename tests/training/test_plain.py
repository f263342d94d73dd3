"""TERNA_PLAIN=1 turns off what is there for speed alone: nothing but rounding and the draws of dropout differs."""

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from composed import small
from sweep_inputs import SMALLEST

from terna.errors import ModelError
from terna.settings import compose, load
from terna.training import resume

# A run without dropout and one for each of three seeds with it, in a project that is ready to train.
SCRIPT = """
import sys
from terna.running.process import settle
settle()

import json
from dataclasses import replace
from pathlib import Path
import torch
from terna.data.evaluators import read_evaluator
from terna.settings import compose, load
from terna.training.callbacks import Recorder
from terna.training.selection import development_score
from terna.training.setup import Inputs, build_run
from terna.training.trainer import build_trainer, fit, quiet

quiet()
project = Path(sys.argv[1])
settings = load(compose(project / "conf", sys.argv[2:]))
inputs = Inputs.load(project / "data" / "tokens", None)
chosen = settings.evaluate.select_on
benchmark = read_evaluator(chosen, settings.evaluate, project / "data" / "raw" / "sts")

def trained(seed, dropout):
    run, recorder = build_run(replace(settings, seed=seed), inputs), Recorder(str)
    kinds = set()
    for module in run.encoder.modules():
        if isinstance(module, torch.nn.Dropout):
            kinds.add(f"{type(module).__module__}.{type(module).__name__}")
            module.p = dropout
    batch = next(iter(run.datamodule.train_dataloader())).sentences
    way = [run.encoder.packed, run.encoder._workers(batch) > 0, *kinds]
    fit(build_trainer(replace(settings, seed=seed), [recorder]), run)
    score = development_score(benchmark, inputs.table, "cosine_pearson")(run.encoder).figures["cosine_pearson"]
    return {"way": way, "losses": [row["loss"] for row in recorder.curves.trained], "score": score}

print(json.dumps({"without": trained(1, 0.0), "with": [trained(seed, 0.1) for seed in (1, 2, 3)]}))
"""


# each way four times
slow = pytest.mark.slow


@pytest.fixture(scope="module")
def both(root: Path, ready: Path) -> dict[str, Any]:
    """What the script found, by TERNA_PLAIN's value."""
    words, found = [*SMALLEST, "train.epochs=3", "train.lr=3e-3"], {}
    for value in ("0", "1"):
        environment = {**os.environ, "TERNA_PLAIN": value}
        line = [sys.executable, "-W", "ignore", "-c", SCRIPT, str(ready), *words]
        done = subprocess.run(line, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        found[value] = json.loads(done.stdout)
    return found


@slow
@pytest.mark.xdist_group("plain")
def test_without_dropout_the_loss_curve_is_the_same_but_for_rounding(both: dict[str, Any]) -> None:
    fast, plain = (both[value]["without"] for value in ("0", "1"))
    assert fast["way"] == [True, True, "terna.encoder.dropout.Dropout"]
    assert plain["way"] == [False, False, "torch.nn.modules.dropout.Dropout"]
    assert len(plain["losses"]) == 27
    assert plain["losses"] == pytest.approx(fast["losses"], rel=1e-5)
    assert plain["losses"][-1] < 0.9 * plain["losses"][0]


@slow
@pytest.mark.xdist_group("plain")
def test_with_dropout_the_development_score_is_within_the_spread_of_seeds(both: dict[str, Any]) -> None:
    fast, plain = ([run["score"] for run in both[value]["with"]] for value in ("0", "1"))
    assert abs(statistics.mean(plain) - statistics.mean(fast)) < max(fast) - min(fast)
    losses = [both[value]["with"][0]["losses"] for value in ("0", "1")]
    assert losses[0] != pytest.approx(losses[1], rel=1e-4)  # other draws
    assert losses[0] != pytest.approx(both["0"]["without"]["losses"], rel=1e-4)


def test_a_checkpoint_of_the_other_way_is_refused(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(compose(root / "conf", small()))
    monkeypatch.setenv("TERNA_PLAIN", "1")
    resume.claim(tmp_path, resume.identity(settings, []))
    (tmp_path / resume.CHECKPOINT).write_bytes(b"x")
    assert resume.claim(tmp_path, resume.identity(settings, [])) == tmp_path / resume.CHECKPOINT
    monkeypatch.delenv("TERNA_PLAIN")
    with pytest.raises(ModelError, match="TERNA_PLAIN: 1 there, 0 here"):
        resume.claim(tmp_path, resume.identity(settings, []))
