"""Training in shards: what it ends with is what DDP ends with, each process holds its share, and runs resume."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from pytorch_lightning.strategies import DDPStrategy, ModelParallelStrategy
from safetensors.torch import load_file
from sweep_inputs import COMPOSED, digests, run, start
from training_inputs import settings_for

from terna.encoder import Encoder
from terna.errors import ModelError, ProcessError, SettingsError
from terna.records import read_json
from terna.settings import Machine
from terna.training import resume
from terna.training.processes import strategy_of
from terna.training.sharding import shard

Make = Callable[..., Encoder]
# each with what a fault is to say of it
REFUSED = {
    "train.cached=true": "train.cached: not with machine.sharded; set it to false, or machine.sharded to false",
    "train.compile=true": "train.compile: not with machine.sharded; set it to false",
    "train.lora={rank:2,alpha:4,dropout:0}": "train.lora: not with machine.sharded; set it to null",
    "train.embeddings_only=true": "train.embeddings_only: not with machine.sharded; set it to false",
    "train.wise_ft=[0.5]": "train.wise_ft: not with machine.sharded; set it to []",
    "train.ema=0.9": "train.ema: not with machine.sharded; set it to null",
    "train.soup=2": "train.soup: not with machine.sharded; set it to null",
    "train.l2_sp=0.1": "train.l2_sp: not with machine.sharded; set it to 0.0",
    "train.after={epochs:1,lr:1e-4}": "train.after: not with machine.sharded; set it to null",
    "train.precision=16-mixed": "train.precision: Lightning does not support 16-mixed with machine.sharded; choose",
    "machine.devices=1": "machine.sharded: one process has nobody to share with; raise machine.devices, or set this",
}

# Two processes over gloo train the same by DDP and in shards, and the first exports; then the second loses a weight.
SCRIPT = """
import sys
from pathlib import Path
import numpy as np
import torch
from pytorch_lightning import Callback
from training_inputs import settings_for, table_for
from terna.encoder import load_tokenizer, save
from terna.errors import ModelError
from terna.records import STARTS
from terna.training.callbacks import Checkpoints, Recorder
from terna.training.selection import Scored, Selection
from terna.training.setup import Inputs, encoder_of, finished, run_of, unsharded
from terna.training.sharding import local
from terna.training.trainer import build_trainer, fit
sys.path.insert(0, str(Path(sys.argv[1]) / "tests"))
import conftest

root, out = Path(sys.argv[1]), Path(sys.argv[2])
# with so large an epsilon AdamW does not undo what clipping does
OPTIONS = ["model.scratch={vocab_size:320,hidden_size:32,layers:2,heads:2,intermediate_size:64}", "model.max_length=24",
           "model.dense={out_features:24,activation:tanh}", "train.batch_size=8", "train.epochs=2", "train.lr=0.02",
           "train.clip=0.05", "train.eps=0.01", "train.layer_decay=0.9", "machine.devices=2"]

class Held(Callback):
    def on_train_start(self, trainer, module):
        self.found = {}
    def on_before_optimizer_step(self, trainer, module, optimizer):
        grads = [parameter.grad for parameter in module.parameters() if parameter.grad is not None]
        self.norm = float(torch.nn.utils.get_total_norm(grads))
    def on_train_end(self, trainer, module):
        states = trainer.optimizers[0].state.values()
        moments = [each for state in states for name, each in state.items() if name != "step"]
        self.found = {"optimizer": sum(local(each).nbytes for each in moments), "norm": self.norm,
                      "weights": sum(local(each).nbytes for each in module.parameters())}

class Lose(Callback):
    def on_train_batch_end(self, trainer, module, *_):
        if trainer.global_step == 2 and trainer.global_rank == 1:
            with torch.no_grad():
                local(next(module.parameters()))[-1] = torch.nan

def figure(encoder):
    nothing, _ = encoder.embed(np.array([5, 6, 7]), np.array([0, 0, 3]))  # through the head alone
    first, second = encoder.encode(conftest.SENTENCES[:2]) + nothing
    return Scored({"near": -float(first @ second)}, np.zeros(0))

def trained(name, *callbacks):
    settings = settings_for(root, *OPTIONS, f"machine.sharded={str(name != 'ddp').lower()}")
    torch.manual_seed(7)
    tokenizer = load_tokenizer(settings.model, conftest.SENTENCES)
    inputs = Inputs(tokenizer, STARTS.empty_table(), None, ["sample"])
    encoder = encoder_of(settings, inputs).train()
    run = run_of(settings, Inputs(tokenizer, STARTS.empty_table(), table_for(encoder, 40), ["sample"]), encoder)
    for module in encoder.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    folder, recorder, held = out / f"{name}-checkpoints", Recorder(str), Held()
    selection = Selection(encoder, figure, recorder.scored, main="near", folder=folder, every=3, patience=None)
    checkpoints = Checkpoints(folder / "last.ckpt", 2, recorder, lambda: None)
    trainer = build_trainer(settings, [held, *callbacks, recorder, selection, checkpoints])
    fit(trainer, run)
    told = {**held.found, "losses": [row["loss"] for row in recorder.curves.trained], "best_step": selection.best_step,
            "scores": [row["dev/near"] for row in recorder.curves.scored]}
    torch.save(told, out / f"{name}-{trainer.global_rank}.pt")
    if trainer.is_global_zero:
        run = unsharded(settings, inputs, run, selection)
        selection.restore()
        save(finished(settings, run), out / name)

trained("ddp")
trained("shards")
try:
    trained("lost", Lose())
except ModelError as error:
    (out / f"lost-{torch.distributed.get_rank()}.txt").write_text(str(error))
"""


@pytest.mark.slow
def test_shards_end_in_the_losses_scores_weights_and_vectors_of_ddp_and_each_process_holds_half(
    root: Path, tmp_path: Path, sentences: list[str]
) -> None:
    script = tmp_path / "shards.py"
    script.write_text(SCRIPT)
    paths = [str(root / "tests" / "helpers"), str(root / "src")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"}
    words = [sys.executable, "-W", "ignore", str(script), str(root), str(tmp_path)]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]

    told = {name: [torch.load(tmp_path / f"{name}-{rank}.pt") for rank in range(2)] for name in ("ddp", "shards")}
    for rank in range(2):  # both are told of the weight that one of them lost
        assert "the weights are no longer finite after step 2" in (tmp_path / f"lost-{rank}.txt").read_text()
    for ddp, shards in zip(told["ddp"], told["shards"], strict=True):
        assert len(ddp["losses"]) == 10
        assert ddp["norm"] > 0.05  # it is clipped
        assert ddp["best_step"] == shards["best_step"] > 0
        for name in ("losses", "scores", "norm"):
            np.testing.assert_allclose(shards[name], ddp[name], rtol=1e-5, atol=1e-5)
        for name in ("optimizer", "weights"):
            assert 0.45 < shards[name] / ddp[name] < 0.55
            assert sum(each[name] for each in told["shards"]) == ddp[name]
    last = {name: torch.load(tmp_path / f"{name}-checkpoints" / "last.ckpt") for name in told}
    assert_near(last["shards"]["state_dict"], last["ddp"]["state_dict"])
    kept = {name: load_file(*(tmp_path / f"{name}-checkpoints").glob("best-10.safetensors")) for name in told}
    assert_near(kept["shards"], kept["ddp"])

    from sentence_transformers import SentenceTransformer

    vectors = {name: SentenceTransformer(str(tmp_path / name), device="cpu").encode(sentences) for name in told}
    np.testing.assert_allclose(vectors["shards"], vectors["ddp"], rtol=0, atol=1e-5)


def assert_near(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    assert found.keys() == expected.keys()
    for name, each in expected.items():
        torch.testing.assert_close(found[name], each, rtol=0, atol=1e-5)


@pytest.mark.slow
def test_a_run_in_shards_that_was_stopped_resumes_to_the_bytes_of_one_that_was_not(ready: Path, tmp_path: Path) -> None:
    whole, stopped = (Path(shutil.copytree(ready, tmp_path / name)) for name in ("whole", "stopped"))
    words = ("train", *COMPOSED, "machine.devices=2", "machine.sharded=true", "machine.checkpoint_every=4")
    done = run(whole, *words)
    assert done.returncode == 0, done.stderr
    first, checkpoint = start(stopped, *words), stopped / "checkpoints" / resume.CHECKPOINT
    until = time.monotonic() + 60
    while not checkpoint.is_file() and time.monotonic() < until and first.poll() is None:
        time.sleep(0.02)
    os.kill(first.pid, signal.SIGTERM)
    _, told = first.communicate(timeout=60)
    assert (first.returncode, told.count("stopped by SIGTERM after step")) == (143, 2), told
    done = run(stopped, *words)
    assert done.returncode == 0, done.stderr
    made = [[digests(project / name) for name in ("models", "metrics", "plots")] for project in (whole, stopped)]
    assert made[0] == made[1]
    assert read_json(whole / "metrics" / "train.json")["sharded"] is True


def test_what_needs_whole_weights_is_refused_with_both_keys_and_the_remedy(root: Path) -> None:
    classed = ("train.loss.classed=softmax", "corpora=[own]", "corpora.own.shape=classed")
    with pytest.raises(SettingsError) as refused:
        settings_for(root, *REFUSED, *classed, "machine.sharded=true")
    for told in (
        *REFUSED.values(),
        "train.loss.classed: softmax trains a part beside the encoder, which is not sharded",
    ):
        assert told in str(refused.value)


def test_the_strategy_shards_over_all_processes_where_it_is_asked_for() -> None:
    found = strategy_of(Machine("cpu", 4, 2, 200, 1, False, 60, sharded=True))
    assert isinstance(found, ModelParallelStrategy)
    assert (found._data_parallel_size, found._tensor_parallel_size) == (8, 1)
    assert isinstance(strategy_of(Machine("cpu", 4, 2, 200, 1, False, 60)), DDPStrategy)


def test_a_checkpoint_of_whole_weights_is_refused_by_shards(root: Path, tmp_path: Path) -> None:
    def claimed(*words: str) -> Path | None:
        return resume.claim(tmp_path, resume.identity(settings_for(root, "machine.devices=2", *words), {}))

    assert claimed() is None
    (tmp_path / resume.CHECKPOINT).touch()
    with pytest.raises(ModelError, match="sharded: None there, True here"):
        claimed("machine.sharded=true")


def strategy(*, same: bool) -> Any:
    """One whose first process sends what this one has, or something else."""
    return SimpleNamespace(
        broadcast=lambda own: own if same else f"another {own}", reduce_boolean_decision=lambda own, all: own
    )


def test_processes_that_start_from_other_weights_are_refused(make_encoder: Make) -> None:
    with pytest.raises(ProcessError, match=r"model.backbone: the processes start from different weights; .*revision"):
        shard(make_encoder(), None, strategy(same=False))  # type: ignore[arg-type]


def test_a_backbone_that_takes_sentences_by_length_is_refused(make_encoder: Make) -> None:
    encoder = make_encoder()
    encoder.token_vectors.way = "by length"
    with pytest.raises(ModelError, match=r"machine.sharded: RobertaModel takes sentences of one length at a time"):
        shard(encoder, None, strategy(same=True))  # type: ignore[arg-type]


def test_a_backbone_without_a_list_of_layers_is_refused(make_encoder: Make) -> None:
    encoder = make_encoder()
    del encoder.backbone.encoder.layer
    with pytest.raises(ModelError, match=r"machine.sharded: the backbone has no lists .* set it to false"):
        shard(encoder, None, strategy(same=True))  # type: ignore[arg-type]
