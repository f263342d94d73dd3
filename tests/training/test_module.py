"""The module steps as the published run does: schedule, decay, clip, and the same loss on any packing."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from pytorch_lightning import Callback, Trainer
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss
from training_inputs import fit, run_for, settings_for, table_for, weights_of
from transformers import get_linear_schedule_with_warmup

from terna.encoder import Encoder, save
from terna.errors import DataError
from terna.sentences import gather, tokenize
from terna.settings import Settings
from terna.training.module import TrainingModule

Make = Callable[..., Encoder]


@pytest.fixture
def settings(root: Path) -> Settings:
    return settings_for(root)


class Rates(Callback):
    """The learning rate that each step was taken with, and the one that is set after the last."""

    def __init__(self) -> None:
        self.used: list[float] = []
        self.last = math.nan

    def on_before_optimizer_step(self, trainer: Trainer, *_: object) -> None:
        self.used.append(trainer.optimizers[0].param_groups[0]["lr"])

    def on_train_end(self, trainer: Trainer, *_: object) -> None:
        self.last = trainer.optimizers[0].param_groups[0]["lr"]


def test_the_rate_is_that_of_the_linear_schedule_at_every_step_and_zero_at_the_end(
    make_encoder: Make, settings: Settings
) -> None:
    rates = Rates()
    module = fit(make_encoder(), settings, rates).module
    assert len(rates.used) == sum(module.steps) == 12
    optimizer = torch.optim.AdamW([torch.zeros(1, requires_grad=True)], lr=settings.train.lr)
    schedule = get_linear_schedule_with_warmup(optimizer, 3, 12)
    for used in rates.used:
        assert used == pytest.approx(schedule.get_last_lr()[0], abs=1e-15)
        optimizer.step()
        schedule.step()
    assert rates.last == 0.0


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_a_step_without_dropout_has_the_neighbours_loss_and_gradients(
    make_encoder: Make, settings: Settings, tmp_path: Path, pooling: str
) -> None:
    encoder = make_encoder(f"model.pooling={pooling}")
    save(encoder, tmp_path / "encoder")
    anchors, positives, negatives = (
        [f"{word} {i} {'y más ' * i}" for i in range(4)] for word in ("casa", "hogar", "barco")
    )
    ids, lengths = gather(*tokenize(encoder.tokenizer, [*anchors, *positives, *negatives], 24), np.arange(12))
    module = TrainingModule(encoder.eval(), settings.train, [10], 1)
    module.trainer = Trainer(logger=False, enable_checkpointing=False, barebones=True)
    module.log = lambda *_, **__: None  # type: ignore[method-assign, assignment]
    ours = module.training_step((encoder.arrange(ids, lengths), None, None), 0)
    ours.backward()
    neighbour = SentenceTransformer(str(tmp_path / "encoder"), device="cpu").eval()
    features = [neighbour.preprocess(texts) for texts in (anchors, positives, negatives)]
    theirs = MultipleNegativesRankingLoss(neighbour)(features, None)
    theirs.backward()
    # rounding of a cosine, 20 times, differs from processor to processor
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)
    other = dict(neighbour[0].auto_model.named_parameters())
    compared = 0
    for name, parameter in encoder.backbone.named_parameters():
        if parameter.grad is not None:
            torch.testing.assert_close(parameter.grad, other[name].grad, atol=1e-5, rtol=1e-4)
            compared += 1
    assert compared > 20


def test_two_runs_give_the_same_bytes_and_another_seed_does_not(make_encoder: Make, settings: Settings) -> None:
    weights = []
    for seed in (1, 1, 2):
        encoder = make_encoder()
        torch.manual_seed(seed)
        fit(encoder, replace(settings, seed=seed))
        weights.append(weights_of(encoder))
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_a_batch_that_cannot_be_filled_is_refused_before_training(make_encoder: Make, settings: Settings) -> None:
    with pytest.raises(DataError, match=r"train\.batch_size: no batch of 64 triplets"):
        run_for(make_encoder(), replace(settings, train=replace(settings.train, batch_size=64)))


def test_the_feed_is_as_long_as_it_says_and_its_batches_decode_to_their_triplets(
    make_encoder: Make, settings: Settings
) -> None:
    encoder = make_encoder()
    table = table_for(encoder)
    datamodule = run_for(encoder, replace(settings, seed=5), table).datamodule
    loader = datamodule.train_dataloader()
    batches = list(loader)
    assert len(batches) == len(loader) == datamodule.steps[0] == 4
    for batch, *_ in batches:
        pieces = [piece for chunk in batch.chunks for piece in chunk.ids.split(chunk.lengths)]
        texts = encoder.tokenizer.batch_decode([pieces[place] for place in batch.place], skip_special_tokens=True)
        anchors, positives, negatives = texts[:4], texts[4:8], texts[8:]
        assert len(set(texts)) == 12
        assert [text.split()[1] for text in (*positives, *negatives)] == ["dos"] * 4 + ["tres"] * 4
        assert all(text.startswith("frase una") for text in anchors)
