"""Pairs with a class: the softmax loss as the neighbour has it, and the classifier that learns beside the encoder."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from loss_inputs import embeddings
from pytorch_lightning import Callback, Trainer
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.losses import SoftmaxLoss
from training_inputs import fit, run_for, settings_for, shaped_for, stepped, weights_of

from terna.encoder import Encoder, save
from terna.errors import DataError
from terna.records import STARTS
from terna.training.callbacks import Checkpoints, Recorder
from terna.training.losses.classes import classifier, softmax_loss
from terna.training.parts.pairs import ClassedBatch
from terna.training.setup import Inputs, run_of

Make = Callable[..., Encoder]


@pytest.mark.parametrize(("weight", "made"), [(1.0, True), (0.0, False)])
def test_no_classifier_is_made_where_pairs_with_a_class_are_read_alone(
    make_encoder: Make, root: Path, weight: float, made: bool
) -> None:
    encoder = make_encoder()
    table = replace(shaped_for(encoder, {2: 8}, classed=13), classed_corpus=np.ones(13, np.int16))
    names = ["sample", "sample-jsonl"]
    inputs = Inputs(encoder.tokenizer, STARTS.empty_table(), table, names, None, classes=["a", "b", "c"])
    run = run_of(settings_for(root, f"+train.weights.sample-jsonl={weight}"), inputs, encoder.train())
    assert (run.module.classifier is not None) == made


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_value_and_gradients_are_those_of_a_softmax_by_hand(dtype: torch.dtype) -> None:
    first, second = embeddings(2, dtype)
    layer = classifier(5, 3, seed=4).to(dtype)
    classes = torch.arange(len(first)) % 3
    terms = []
    for u, v, own in zip(first, second, classes, strict=True):
        logits = layer.weight @ torch.cat([u, v, (u - v).abs()]) + layer.bias
        terms.append(-(logits[own].exp() / logits.exp().sum()).log())
    found, expected = softmax_loss(first, second, classes, layer), torch.stack(terms).mean()
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)
    learnt = [first, second, *layer.parameters()]
    for mine, other in zip(torch.autograd.grad(found, learnt), torch.autograd.grad(expected, learnt), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-6, atol=1e-6)


def test_it_is_computed_in_float32_whatever_the_embeddings_and_autocast_are() -> None:
    first, second = (each.detach().bfloat16() for each in embeddings(2, torch.float32))
    layer, classes = classifier(5, 2, seed=4), torch.arange(len(first)) % 2
    expected = softmax_loss(first.float(), second.float(), classes, layer)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = softmax_loss(first, second, classes, layer)
    assert found.dtype == torch.float32 and torch.equal(found, expected)


def test_the_first_weights_are_a_function_of_the_seed_and_draw_nothing_from_others() -> None:
    torch.manual_seed(5)
    state = torch.get_rng_state()
    one, same, other = (classifier(4, 2, seed) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(one.weight, same.weight) and not torch.equal(one.weight, other.weight)


@pytest.mark.parametrize("classes", [(3,), (4, 1)])
def test_shapes_that_do_not_fit_are_refused(classes: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match=r"classes for embeddings of shapes \(4, 3\), \(4, 3\): each pair needs one"):
        softmax_loss(torch.ones(4, 3), torch.ones(4, 3), torch.zeros(classes, dtype=torch.long), classifier(3, 2, 1))


def test_a_step_without_dropout_has_the_neighbours_loss_and_gradients(
    make_encoder: Make, root: Path, tmp_path: Path
) -> None:
    encoder = make_encoder()
    save(encoder, tmp_path / "encoder")
    run = run_for(encoder, settings_for(root), shaped_for(encoder, classed=13))
    ours, rows = stepped(run, 0), run.datamodule.parts[0].rows(0)[0]
    neighbour = SentenceTransformer(str(tmp_path / "encoder"), device="cpu").eval()
    loss = SoftmaxLoss(neighbour, encoder.dimension, 3)
    layer = run.module.classifier
    assert layer is not None
    loss.classifier.load_state_dict(layer.state_dict())
    sides = ([f"en el par {i} hay {word}" for i in rows] for word in ("esto", "aquello"))
    theirs = loss([neighbour.preprocess(texts) for texts in sides], torch.from_numpy(rows % 3))
    assert isinstance(theirs, torch.Tensor)
    theirs.backward()
    torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=1e-6)
    for mine, other in zip(layer.parameters(), loss.classifier.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, other.grad, atol=1e-6, rtol=1e-6)
    others = dict(neighbour[0].auto_model.named_parameters())
    for name, parameter in encoder.backbone.named_parameters():
        if parameter.grad is not None:
            torch.testing.assert_close(parameter.grad, others[name].grad, atol=1e-6, rtol=1e-4)


def test_the_classifier_learns_with_decay_on_its_matrix_and_is_no_part_of_the_encoder(
    make_encoder: Make, root: Path
) -> None:
    encoder = make_encoder()
    table = shaped_for(encoder, classed=12)
    run = fit(encoder, settings_for(root, "train.layer_decay=0.5", "train.lr=3e-4"), table=table)
    layer = run.module.classifier
    assert layer is not None
    before = classifier(encoder.dimension, 3, run.module.seed)
    assert not torch.equal(layer.weight, before.weight) and not torch.equal(layer.bias, before.bias)
    assert not {id(parameter) for parameter in layer.parameters()} & {id(own) for own in encoder.parameters()}
    [optimizer], _ = run.module.configure_optimizers()
    for parameter, decay in ((layer.weight, 0.01), (layer.bias, 0.0)):
        [group] = [group for group in optimizer.param_groups if any(each is parameter for each in group["params"])]
        assert (group["weight_decay"], group["initial_lr"]) == (decay, 3e-4)


def test_a_batch_of_another_kind_leaves_the_classifier_without_a_gradient(make_encoder: Make, root: Path) -> None:
    encoder = make_encoder()
    run = run_for(encoder, settings_for(root), shaped_for(encoder, tuples={2: 8}, classed=8))
    stepped(run, 0)
    assert run.module.classifier is not None and run.module.classifier.weight.grad is None
    stepped(run, 1)
    assert run.module.classifier.weight.grad is not None


def test_stopped_at_a_step_it_ends_as_if_it_had_not_been_the_classifier_too(
    make_encoder: Make, root: Path, tmp_path: Path
) -> None:
    class Stop(Callback):
        def on_train_batch_end(self, trainer: Trainer, *_: object) -> None:
            if trainer.global_step == 7:
                raise InterruptedError

    def go(*callbacks: Callback, checkpoint: Path | None = None) -> torch.Tensor:
        encoder = make_encoder().train()
        table = shaped_for(encoder, tuples={2: 8, 4: 9}, classed=8)
        run = fit(encoder, settings_for(root), *callbacks, checkpoint=checkpoint, table=table)
        assert run.module.classifier is not None
        return torch.cat([weights_of(encoder), run.module.classifier.weight.detach().flatten().clone()])

    path, recorder = tmp_path / "last.ckpt", Recorder(str)
    with pytest.raises(InterruptedError):
        go(recorder, Checkpoints(path, 1, recorder, lambda: None), Stop())
    assert torch.equal(go(Recorder(str), checkpoint=path), go(Recorder(str)))


def test_classes_are_told_apart_after_training(make_encoder: Make, root: Path) -> None:
    encoder = make_encoder()
    table = shaped_for(encoder, classed=12)
    asked = settings_for(root, "train.batch_size=12", "train.epochs=60", "train.lr=3e-3")
    before = float(stepped(run_for(encoder, asked, table), 0).detach())
    run = fit(encoder.train(), asked, table=table)
    assert float(stepped(run, 0).detach()) < before / 2


def test_batches_hold_each_pair_once_with_its_class(make_encoder: Make, root: Path) -> None:
    encoder = make_encoder()
    table = shaped_for(encoder, classed=13)
    [part] = run_for(encoder, settings_for(root), table).datamodule.parts
    assert (part.unit, part.count, part.steps, part.left_out) == ("classed_pairs", 13, [3] * 3, [1] * 3)
    rows = part.rows(1)
    for batch, numbers in zip(part.batches(rows, rows), rows, strict=True):  # type: ignore[call-overload]
        assert isinstance(batch, ClassedBatch)
        assert (batch.classes.dtype, batch.classes.tolist()) == (torch.int64, (numbers % 3).tolist())
    with pytest.raises(DataError, match=r"classed\.parquet: every pair is 'clase 0', and there must be two classes"):
        run_for(encoder, settings_for(root), replace(table, classes=np.zeros(13, np.int32)))
    with pytest.raises(DataError, match=r"no batch of 4 classed pairs can be made from 3 classed pairs"):
        run_for(encoder, settings_for(root), shaped_for(encoder, classed=3))
