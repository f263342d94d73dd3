"""Two processes: the gradient of one process on the same global batch, no text twice across them, and runs that end."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

pytestmark = pytest.mark.slow

# Two processes over gloo: a step each on its share of the global batch, without dropout; the first tells the gradient.
SCRIPT = """
import sys
from pathlib import Path
import numpy as np
import torch
from pytorch_lightning import Callback
from training_inputs import run_for, scored_for, settings_for, shaped_for, table_for, texts_for
from terna.data.teacher_vectors import TeacherVectors
from terna.encoder import build_encoder, load_tokenizer
from terna.training.trainer import build_trainer, fit
sys.path.insert(0, str(Path(sys.argv[1]) / "tests"))
import conftest

root, out, devices, options = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4:]
tiny = ["model.scratch={vocab_size:320,hidden_size:32,layers:2,heads:2,intermediate_size:64}", "model.max_length=24"]
short = ["train.batch_size=8", "train.epochs=2", "train.clip=0", f"machine.devices={devices}"]
settings = settings_for(root, *tiny, *short, *options)
torch.manual_seed(7)
encoder = build_encoder(settings.model, load_tokenizer(settings.model, conftest.SENTENCES))
encoder.double()  # so that nothing but an error can be seen

class Keep(Callback):
    def __init__(self):
        self.seen = []
        self.gradient = None
    def on_train_batch_start(self, trainer, module, batch, number):
        pieces = [p for chunk in batch.sentences.chunks for p in torch.split(chunk.ids, list(chunk.lengths))]
        self.seen.append([pieces[place].tolist() for place in batch.sentences.place])
    def on_before_optimizer_step(self, trainer, module, optimizer):
        if self.gradient is None:
            grads = [p.grad.flatten().double() for p in module.parameters() if p.grad is not None]
            self.gradient = torch.cat(grads).clone()

keep = Keep()
table = TABLE
vectors = np.random.default_rng(1).normal(size=(len(table.keys), 5))
taught = TeacherVectors(vectors, np.zeros(0, np.int32), np.zeros(1, np.int64))
run = run_for(encoder, settings, table, taught)
for module in run.module.modules():  # now, for SimCSE is refused without dropout
    if isinstance(module, torch.nn.Dropout):
        module.p = 0.0
trainer = build_trainer(settings, [keep])
fit(trainer, run)
weights = torch.cat([p.detach().flatten() for p in run.module.parameters()])
torch.save({"weights": weights, "gradient": keep.gradient, "seen": keep.seen, "steps": trainer.global_step,
            "expected": sum(run.datamodule.steps)}, out / f"{trainer.global_rank}.pt")
"""


# what compares rows with each other, so that a share of them has another gradient
OWN = """
from torch.nn.functional import normalize

def hardest(embeddings, labels):
    first, *others = (normalize(each, dim=1) for each in embeddings)
    return sum((first @ other.T).logsumexp(1).mean() for other in others)
"""


def launched(
    root: Path, folder: Path, devices: int, *options: str, table: str = "table_for(encoder, 40)"
) -> list[dict]:
    folder.mkdir()
    script = folder / "step.py"
    script.write_text(SCRIPT.replace("TABLE", table))
    (folder / "step_loss.py").write_text(OWN)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root / "tests" / "helpers"), str(root / "src")])}
    environment |= {"OMP_NUM_THREADS": "1"}
    words = [sys.executable, "-W", "ignore", str(script), str(root), str(folder), str(devices), *options]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-3000:]
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(devices)]


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("train.symmetric=true", "train.known_positives=true"),
        ("train.matryoshka=[8,32]", "train.cached=true"),
        ("train.similarity_distillation={weight:5.0,teacher:t}", "train.l2_sp=0.1"),
        ("train.guide={encoder:t,margin:0.1}", "train.known_positives=true"),
    ],
    ids=["plain", "symmetric, known positives", "matryoshka, cached", "similarities, distance to the start", "guide"],
)
def test_the_gradient_is_that_of_one_process_on_the_same_global_batch(
    root: Path, tmp_path: Path, options: tuple[str, ...]
) -> None:
    [alone] = launched(root, tmp_path / "one", 1, *options)
    both = launched(root, tmp_path / "two", 2, *options)
    for each in both:
        torch.testing.assert_close(each["gradient"], alone["gradient"], atol=1e-10, rtol=0)
        assert each["steps"] == each["expected"] == alone["steps"] == 10
    # anchors, positives and negatives of both processes together are those of the global batch, none of them twice
    for number, whole in enumerate(alone["seen"]):
        together = [tuple(tokens) for each in both for tokens in each["seen"][number]]
        assert sorted(together) == sorted(tuple(tokens) for tokens in whole)
        assert len(set(together)) == 24


def gathered_and_not(root: Path, folder: Path, table: str, *options: str) -> dict[str, tuple[dict, list[dict]]]:
    """What one process saw, and what two did, by whether they gather: to one process that is the same."""
    [alone] = launched(root, folder / "one", 1, *options, table=table)
    return {
        gather: (alone, launched(root, folder / f"two-{gather}", 2, *options, f"train.gather={gather}", table=table))
        for gather in ("true", "false")
    }


def test_scored_pairs_of_all_processes_are_compared_with_each_other_when_they_are_gathered(
    root: Path, tmp_path: Path
) -> None:
    for gather, (alone, both) in gathered_and_not(root, tmp_path, "scored_for(encoder, 41, triplets=0)").items():
        near = [torch.allclose(each["gradient"], alone["gradient"], atol=1e-10, rtol=0) for each in both]
        assert near == [gather == "true"] * 2
        assert [each["steps"] for each in both] == [each["expected"] for each in both] == [10, 10]
        for number, whole in enumerate(alone["seen"]):
            together = [tuple(tokens) for each in both for tokens in each["seen"][number]]
            assert sorted(together) == sorted(tuple(tokens) for tokens in whole)


@pytest.mark.parametrize(
    ("table", "option", "needs"),
    [
        ("scored_for(encoder, 41, triplets=0)", "corpora=stsb_es train.loss.scored=angle", True),
        ("shaped_for(encoder, classed=41)", "train.loss.classed=softmax", False),
        ("shaped_for(encoder, {5: 41})", "train.loss.tuples=ranking", True),
        ("shaped_for(encoder, {5: 41})", "train.loss.tuples=step_loss.hardest", True),
        ("texts_for(encoder, 41)", "train.loss.texts=simcse", True),
        ("texts_for(encoder, 41)", "corpora=own corpora.own.shape=texts train.loss.texts=tsdae", False),
    ],
    ids=["AnglE", "softmax", "tuples", "one's own", "SimCSE", "TSDAE"],
)
def test_each_loss_has_the_gradient_of_one_process_where_what_it_compares_is_gathered(
    root: Path, tmp_path: Path, table: str, option: str, needs: bool
) -> None:
    for gather, (alone, both) in gathered_and_not(root, tmp_path, table, *option.split()).items():
        near = [torch.allclose(each["gradient"], alone["gradient"], atol=1e-10, rtol=0) for each in both]
        assert near == [gather == "true" or not needs] * 2
        assert [each["steps"] for each in both] == [each["expected"] for each in both] == [10, 10]


def test_batches_of_every_kind_go_through_two_processes_and_leave_both_with_one_classifier_and_decoder(
    root: Path, tmp_path: Path
) -> None:
    table = "texts_for(encoder, 17, shaped_for(encoder, {2: 17, 5: 17}, classed=17))"
    options = ("corpora=own", "corpora.own.shape=texts", "train.loss.texts=tsdae")
    first, second = launched(root, tmp_path / "two", 2, *options, table=table)
    assert first["steps"] == first["expected"] == 16
    assert len(first["weights"]) and torch.equal(first["weights"], second["weights"])


def test_without_gathering_each_process_ranks_among_its_own(root: Path, tmp_path: Path) -> None:
    [alone] = launched(root, tmp_path / "one", 1)
    apart = launched(root, tmp_path / "two", 2, "train.gather=false")
    assert torch.equal(apart[0]["gradient"], apart[1]["gradient"])
    assert not torch.allclose(apart[0]["gradient"], alone["gradient"], atol=1e-4)
