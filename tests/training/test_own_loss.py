"""A loss of one's own by import path: what it is given, what it must give, and what a record says of it."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from sentence_transformers.sentence_transformer.losses import TripletLoss
from sentence_transformers.sentence_transformer.losses.triplet import TripletDistanceMetric
from training_inputs import ended, run_for, scored_for, settings_for, shaped_for, stepped, table_for

from terna.encoder import Encoder
from terna.errors import ModelError, SettingsError
from terna.records import sha256_of
from terna.settings import Losses, Settings, Train
from terna.training import resume
from terna.training.losses.own import own_losses
from terna.training.setup import whereabouts
from terna.training.trainer import summary

Make = Callable[..., Encoder]

SOURCE = """
import torch
from torch.nn.functional import cosine_similarity

seen = []

def margin_loss(embeddings, labels):
    anchors, positives, negatives = embeddings
    nearer = cosine_similarity(anchors, negatives) - cosine_similarity(anchors, positives)
    return (nearer + 0.3).clamp(min=0).mean()

def squares(embeddings, labels):
    seen.append(([each.shape for each in embeddings], labels))
    return sum(each.pow(2).sum() for each in embeddings)

def rows(embeddings, labels):
    return embeddings[0].pow(2).sum(1)

def constant(embeddings, labels):
    return torch.tensor(1.0)

def number(embeddings, labels):
    return 1.0

def infinite(embeddings, labels):
    return embeddings[0].sum() * float("inf")

def alone(embeddings):
    return embeddings[0].sum()

class Module(torch.nn.Module):
    pass

nothing = 3
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The import path of a module of the working folder."""
    (tmp_path / "mine_for_tests").mkdir()
    (tmp_path / "mine_for_tests" / "losses.py").write_text(SOURCE)
    (tmp_path / "mine_for_tests" / "broken.py").write_text("import nowhere_at_all\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield "mine_for_tests.losses"
    for name in [name for name in sys.modules if name.startswith("mine_for_tests")]:
        del sys.modules[name]


def with_losses(settings: Settings, **chosen: str) -> Settings:
    losses = {"tuples": "ranking", "scored": "cosent", "classed": "softmax", "texts": "simcse"} | chosen
    return replace(settings, train=replace(settings.train, loss=Losses(**losses)))


def test_a_run_learns_by_it_what_the_neighbour_learns(make_encoder: Make, root: Path, module: str) -> None:
    encoder = make_encoder()
    run = run_for(encoder, with_losses(settings_for(root), tuples=f"{module}.margin_loss"), table_for(encoder))
    ours = stepped(run, 0)
    rows = run.datamodule.parts[0].rows(0)
    vectors = encoder(run.datamodule.parts[0].batches(rows, rows)[0].sentences)
    neighbour = TripletLoss(torch.nn.Identity(), TripletDistanceMetric.COSINE, triplet_margin=0.3)  # type: ignore[arg-type]
    expected = neighbour.compute_loss_from_embeddings(list(vectors.chunk(3)), torch.empty(0))
    torch.testing.assert_close(ours, expected, atol=1e-6, rtol=1e-6)
    learnt = [each for each in encoder.parameters() if each.grad is not None]
    for parameter, gradient in zip(learnt, torch.autograd.grad(expected, learnt), strict=True):
        torch.testing.assert_close(parameter.grad, gradient, atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize(
    ("shape", "columns", "labels"), [("tuples", 5, None), ("scored", 2, torch.float32), ("classed", 2, torch.int64)]
)
def test_it_is_given_the_columns_of_a_batch_and_its_labels_cut_for_each_dimension(
    make_encoder: Make, root: Path, module: str, shape: str, columns: int, labels: torch.dtype | None
) -> None:
    encoder = make_encoder()
    tables = {
        "tuples": lambda: shaped_for(encoder, {5: 8}),
        "scored": lambda: scored_for(encoder, triplets=0),
        "classed": lambda: shaped_for(encoder, classed=8),
    }
    settings = with_losses(settings_for(root, "train.matryoshka=[8,32]"), **{shape: f"{module}.squares"})
    run = run_for(encoder, settings, tables[shape]())
    assert run.module.classifier is None
    found, rows = stepped(run, 0), run.datamodule.parts[0].rows(0)
    batch = run.datamodule.parts[0].batches(rows, rows)[0]
    vectors = encoder(batch.sentences)
    torch.testing.assert_close(found, vectors[:, :8].pow(2).sum() + vectors.pow(2).sum())
    seen = sys.modules[module].seen
    assert [shapes for shapes, _ in seen] == [[(4, 8)] * columns, [(4, 32)] * columns]
    for _, given in seen:
        assert (given is None) if labels is None else (given.dtype == labels and torch.equal(given, batch[1]))


def of(train: Train, path: str) -> Train:
    return replace(train, loss=replace(train.loss, scored=path))


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (
            "mine_for_tests.nowhere.loss",
            r"mine_for_tests\.nowhere cannot be imported \(ModuleNotFoundError: .*and in /",
        ),
        (
            "mine_for_tests.broken.loss",
            r"mine_for_tests\.broken cannot be imported \(ModuleNotFoundError: .*nowhere_at",
        ),
        (
            "mine_for_tests.losses.missing",
            r"the module mine_for_tests\.losses has no 'missing'; it must have a function",
        ),
        (
            "mine_for_tests.losses.nothing",
            r"mine_for_tests\.losses\.nothing is of type int; it must be a function \(embedd",
        ),
        ("mine_for_tests.losses.Module", r"mine_for_tests\.losses\.Module is a class; it must be a function \(embedd"),
        ("mine_for_tests.losses.alone", r"mine_for_tests\.losses\.alone cannot be called so \(too many positional arg"),
    ],
)
def test_what_cannot_be_imported_or_called_is_refused_by_its_key(
    root: Path, module: str, path: str, message: str
) -> None:
    with pytest.raises(SettingsError, match=rf"train\.loss\.scored: {message}"):
        own_losses(of(settings_for(root).train, path))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("rows", r"gave a tensor of shape \(4,\), torch\.float32; it must give a scalar"),
        ("constant", r"gave a tensor of shape \(\), torch\.float32, without a gradient; it must give a scalar"),
        ("number", r"gave a value of type float; it must give a scalar"),
    ],
)
def test_what_it_gives_must_be_a_scalar_with_a_gradient(
    make_encoder: Make, root: Path, module: str, name: str, message: str
) -> None:
    run = run_for(make_encoder(), with_losses(settings_for(root), tuples=f"{module}.{name}"))
    with pytest.raises(ModelError, match=rf"train\.loss\.tuples: {module}\.{name} {message}"):
        stepped(run, 0)


def test_where_it_is_not_finite_the_message_names_it(make_encoder: Make, root: Path, module: str) -> None:
    run = run_for(make_encoder(), with_losses(settings_for(root), tuples=f"{module}.infinite"))
    told = whereabouts(run, Path("checkpoints"))(1)
    assert f"Correct {module}.infinite (train.loss.tuples), lower train.lr" in told


def test_its_file_is_part_of_what_a_run_is_known_by_and_of_its_account(
    make_encoder: Make, root: Path, module: str, tmp_path: Path
) -> None:
    settings = with_losses(settings_for(root), tuples=f"{module}.margin_loss")
    own = {f"{module}.margin_loss": sha256_of(tmp_path / "mine_for_tests" / "losses.py")}
    assert resume.identity(settings, {})["own_losses"] == own
    assert "own_losses" not in resume.identity(settings_for(root), {})

    class Selected:
        best_step, best, share = 1, 0.5, 1.0

    run = run_for(make_encoder(), settings)
    told: dict[str, Any] = summary(settings, run, ended(settings, run), Selected())  # type: ignore[arg-type]
    assert (told["losses"], told["own_losses"]) == ([f"{module}.margin_loss"], own)
    assert "negatives_per_anchor" not in told


def test_the_ranking_loss_written_as_ones_own_is_the_one_that_ships(
    make_encoder: Make, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine_for_tests.py").write_text(
        "from terna.training.losses.ranking import ranking_loss\n"
        "def ranked(embeddings, labels):\n    return ranking_loss(*embeddings)\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    encoder = make_encoder()
    settings = settings_for(root)
    runs = [run_for(encoder, each) for each in (settings, with_losses(settings, tuples="mine_for_tests.ranked"))]
    sys.modules.pop("mine_for_tests")
    assert torch.equal(*(stepped(run, 0).detach() for run in runs))
