"""Two processes: the gradient of one process on the same global batch, no text twice across them, and runs that end."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

# one group, for one worker of pytest-xdist: processes are started once for all cases
Cases = dict[str, tuple[str, tuple[str, ...]]]
Found = dict[str, list[dict[str, Any]]]

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("processes")]

# One process, or two over gloo: for each case an epoch or two on their shares of the global batch, without dropout.
SCRIPT = """
import json
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

root, out, devices = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
tiny = ["model.scratch={vocab_size:320,hidden_size:32,layers:2,heads:2,intermediate_size:64}", "model.max_length=24"]
short = ["train.batch_size=8", "train.epochs=2", "train.clip=0", f"machine.devices={devices}"]

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

def trained(table, options):
    settings = settings_for(root, *tiny, *short, *options)
    torch.manual_seed(7)
    encoder = build_encoder(settings.model, load_tokenizer(settings.model, conftest.SENTENCES))
    encoder.double()  # so that nothing but an error can be seen
    table = eval(table, globals() | {"encoder": encoder})
    vectors = np.random.default_rng(1).normal(size=(len(table.keys), 5))
    taught = TeacherVectors(vectors, np.zeros(0, np.int32), np.zeros(1, np.int64))
    run = run_for(encoder, settings, table, taught)
    for module in run.module.modules():  # now, for SimCSE is refused without dropout
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    keep = Keep()
    trainer = build_trainer(settings, [keep])
    fit(trainer, run)
    weights = torch.cat([p.detach().flatten() for p in run.module.parameters()])
    return {"weights": weights, "gradient": keep.gradient, "seen": keep.seen, "steps": trainer.global_step,
            "expected": sum(run.datamodule.steps), "rank": trainer.global_rank, "processes": trainer.world_size}

for name, (table, options) in json.loads((out / "cases.json").read_text()).items():
    print(f"{devices} processes: {name}", file=sys.stderr)  # what a failure is seen under
    found = trained(table, options)
    torch.save(found, out / f"{name}-{found['rank']}.pt")
"""


# what compares rows with each other, so that a share of them has another gradient
OWN = """
from torch.nn.functional import normalize

def hardest(embeddings, labels):
    first, *others = (normalize(each, dim=1) for each in embeddings)
    return sum((first @ other.T).logsumexp(1).mean() for other in others)
"""


TRIPLETS = "table_for(encoder, 40)"
SAME = {
    "plain": (),
    "symmetric, known positives": ("train.symmetric=true", "train.known_positives=true"),
    "matryoshka, cached": ("train.matryoshka=[8,32]", "train.cached=true"),
    "similarities, distance to the start": (
        "train.similarity_distillation={weight:5.0,teacher:t}",
        "train.l2_sp=0.1",
    ),
    "guide": ("train.guide={encoder:t,margin:0.1}", "train.known_positives=true"),
}
SCORED = {"scored": ("scored_for(encoder, 41, triplets=0)", ())}
TEXTS = ("corpora=own", "corpora.own.shape=texts", "train.loss.texts=tsdae")
# what each loss is trained on, with what, and whether it compares what is gathered
LOSSES = {
    "AnglE": ("scored_for(encoder, 41, triplets=0)", ("corpora=stsb_es", "train.loss.scored=angle"), True),
    "softmax": ("shaped_for(encoder, classed=41)", ("train.loss.classed=softmax",), False),
    "tuples": ("shaped_for(encoder, {5: 41})", ("train.loss.tuples=ranking",), True),
    "one's own": ("shaped_for(encoder, {5: 41})", ("train.loss.tuples=step_loss.hardest",), True),
    "SimCSE": ("texts_for(encoder, 41)", ("train.loss.texts=simcse",), True),
    "TSDAE": ("texts_for(encoder, 41)", TEXTS, False),
}
EVERY = {"every kind": ("texts_for(encoder, 17, shaped_for(encoder, {2: 17, 5: 17}, classed=17))", TEXTS)}
APART = {"apart": (TRIPLETS, ("train.gather=false",))}
GATHER = ("true", "false")


def launched(root: Path, folder: Path, devices: int, cases: Cases) -> Found:
    """What each process of so many found in each case, in the order of their ranks."""
    folder.mkdir()
    (folder / "step.py").write_text(SCRIPT)
    (folder / "step_loss.py").write_text(OWN)
    (folder / "cases.json").write_text(json.dumps(cases))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root / "tests" / "helpers"), str(root / "src")])}
    environment |= {"OMP_NUM_THREADS": "1"}
    words = [sys.executable, "-W", "ignore", str(folder / "step.py"), str(root), str(folder), str(devices)]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-3000:]
    ranks = range(devices)
    return {name: [torch.load(folder / f"{name}-{rank}.pt", weights_only=True) for rank in ranks] for name in cases}


@pytest.fixture(scope="module")
def one(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Found:
    """What one process found."""
    losses = {name: (table, options) for name, (table, options, _) in LOSSES.items()}
    cases = {name: (TRIPLETS, options) for name, options in SAME.items()} | SCORED | losses
    return launched(root, tmp_path_factory.mktemp("processes") / "one", 1, cases)


@pytest.fixture(scope="module")
def two(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Found:
    """What two found; of what may be gathered, gathered and not."""
    gathered = {
        f"{name}-{gather}": (table, (*options, f"train.gather={gather}"))
        for name, (table, options, *_) in (SCORED | LOSSES).items()
        for gather in GATHER
    }
    cases = {name: (TRIPLETS, options) for name, options in SAME.items()} | gathered | EVERY | APART
    return launched(root, tmp_path_factory.mktemp("processes") / "two", 2, cases)


def test_one_process_and_two_were_started(one: Found, two: Found) -> None:
    for count, found in enumerate((one, two), 1):
        assert {(each["rank"], each["processes"]) for case in found.values() for each in case} == {
            (rank, count) for rank in range(count)
        }


@pytest.mark.parametrize("name", SAME)
def test_the_gradient_is_that_of_one_process_on_the_same_global_batch(one: Found, two: Found, name: str) -> None:
    [alone], both = one[name], two[name]
    for each in both:
        torch.testing.assert_close(each["gradient"], alone["gradient"], atol=1e-10, rtol=0)
        assert each["steps"] == each["expected"] == alone["steps"] == 10
    # anchors, positives and negatives of both processes together are those of the global batch, none of them twice
    for number, whole in enumerate(alone["seen"]):
        together = [tuple(tokens) for each in both for tokens in each["seen"][number]]
        assert sorted(together) == sorted(tuple(tokens) for tokens in whole)
        assert len(set(together)) == 24


@pytest.mark.parametrize("gather", GATHER)
def test_scored_pairs_of_all_processes_are_compared_with_each_other_when_they_are_gathered(
    one: Found, two: Found, gather: str
) -> None:
    [alone], both = one["scored"], two[f"scored-{gather}"]
    near = [torch.allclose(each["gradient"], alone["gradient"], atol=1e-10, rtol=0) for each in both]
    assert near == [gather == "true"] * 2
    assert [each["steps"] for each in both] == [each["expected"] for each in both] == [10, 10]
    for number, whole in enumerate(alone["seen"]):
        together = [tuple(tokens) for each in both for tokens in each["seen"][number]]
        assert sorted(together) == sorted(tuple(tokens) for tokens in whole)


@pytest.mark.parametrize("gather", GATHER)
@pytest.mark.parametrize("name", LOSSES)
def test_each_loss_has_the_gradient_of_one_process_where_what_it_compares_is_gathered(
    one: Found, two: Found, name: str, gather: str
) -> None:
    [alone], both, needs = one[name], two[f"{name}-{gather}"], LOSSES[name][-1]
    near = [torch.allclose(each["gradient"], alone["gradient"], atol=1e-10, rtol=0) for each in both]
    assert near == [gather == "true" or not needs] * 2
    assert [each["steps"] for each in both] == [each["expected"] for each in both] == [10, 10]


def test_batches_of_every_kind_go_through_two_processes_and_leave_both_with_one_classifier_and_decoder(
    two: Found,
) -> None:
    first, second = two["every kind"]
    assert first["steps"] == first["expected"] == 16
    assert len(first["weights"]) and torch.equal(first["weights"], second["weights"])


def test_without_gathering_each_process_ranks_among_its_own(one: Found, two: Found) -> None:
    [alone], apart = one["plain"], two["apart"]
    assert torch.equal(apart[0]["gradient"], apart[1]["gradient"])
    assert not torch.allclose(apart[0]["gradient"], alone["gradient"], atol=1e-4)
