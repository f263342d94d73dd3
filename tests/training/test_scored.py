"""Scored pairs alone, mixed with triplets or taught sentences, and after them: batches, losses, resuming, accounts."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pytorch_lightning import Callback, Trainer
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.losses import CoSENTLoss
from training_inputs import ended, fit, run_for, scored_for, settings_for, table_for, weights_of

from terna.data.teacher_vectors import TeacherVectors
from terna.encoder import Encoder, save
from terna.errors import DataError
from terna.records import STARTS
from terna.settings import Distill, Settings
from terna.settings.training import After
from terna.training.callbacks import Checkpoints, Recorder
from terna.training.parts.pairs import ScoredBatch, ScoredPart
from terna.training.parts.part import Shared
from terna.training.parts.ranked import RankedBatch
from terna.training.parts.taught import TaughtBatch
from terna.training.setup import Inputs, datamodule_of, whereabouts
from terna.training.trainer import summary

Make = Callable[..., Encoder]
TRIPLETS, PAIRS = [4] * 3, [5] * 3


@pytest.fixture
def settings(root: Path) -> Settings:
    return settings_for(root)


def later(settings: Settings) -> Settings:
    return replace(settings, train=replace(settings.train, after=After(epochs=2, lr=1e-2)))


def kinds(batches: Any) -> list[type]:
    return [type(batch) for batch in batches]


def test_one_part_alone_has_the_batches_that_it_plans_in_its_own_order(make_encoder: Make, settings: Settings) -> None:
    encoder = make_encoder()
    run = run_for(encoder, settings, table_for(encoder))
    [part] = run.datamodule.parts
    assert run.datamodule.steps == part.steps == TRIPLETS
    assert run.datamodule.plan(1) == [(0, number) for number in range(4)]
    rows = part.rows(0)
    for batch, own in zip(run.datamodule.train_dataloader(), part.batches(rows, rows), strict=True):  # type: ignore[call-overload]
        assert all(map(torch.equal, batch.sentences.place, own.sentences.place))


def test_scored_batches_hold_each_pair_once_in_an_order_of_each_epoch_with_its_score(
    make_encoder: Make, settings: Settings
) -> None:
    encoder = make_encoder()
    table = scored_for(encoder, triplets=0)
    [part] = run_for(encoder, settings, table).datamodule.parts
    assert (part.count, part.steps, part.left_out) == (21, PAIRS, [1] * 3)
    vectors = encoder.eval().encode([f"el par {i} tiene {word}" for i in range(21) for word in ("esto", "aquello")])
    for epoch in range(2):
        rows = part.rows(epoch)
        assert len(np.unique(rows)) == rows.size == 20
        for batch, numbers in zip(part.batches(rows, rows), rows, strict=True):  # type: ignore[call-overload]
            assert batch.scores.tolist() == table.scores[numbers].tolist()
            found = encoder(batch.sentences).detach().numpy()
            np.testing.assert_allclose(found, vectors[[*(2 * numbers), *(2 * numbers + 1)]], atol=1e-5)
    assert part.rows(0).tolist() != part.rows(1).tolist()
    assert part.rows(0).tolist() == run_for(encoder, settings, table).datamodule.parts[0].rows(0).tolist()


def test_a_step_without_dropout_has_the_neighbours_loss_and_gradients(
    make_encoder: Make, settings: Settings, tmp_path: Path
) -> None:
    encoder = make_encoder()
    save(encoder, tmp_path / "encoder")
    run = run_for(encoder, settings, scored_for(encoder, triplets=0))
    encoder.eval()
    module, rows = run.module, run.datamodule.parts[0].rows(0)[:1]
    module.trainer = Trainer(logger=False, enable_checkpointing=False, barebones=True)
    module.log = lambda *_, **__: None  # type: ignore[method-assign, assignment]
    ours = module.training_step(run.datamodule.parts[0].batches(rows, rows)[0], 0)
    ours.backward()
    neighbour = SentenceTransformer(str(tmp_path / "encoder"), device="cpu").eval()
    sides = ([f"el par {i} tiene {word}" for i in rows[0]] for word in ("esto", "aquello"))
    scores = torch.tensor([i % 6 / 5 for i in rows[0]])
    theirs = CoSENTLoss(neighbour)([neighbour.preprocess(texts) for texts in sides], scores)
    theirs.backward()
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)
    other = dict(neighbour[0].auto_model.named_parameters())
    for name, parameter in encoder.backbone.named_parameters():
        if parameter.grad is not None:
            torch.testing.assert_close(parameter.grad, other[name].grad, atol=1e-5, rtol=1e-4)


def test_the_parts_batches_are_shuffled_together_or_the_scored_pairs_come_in_epochs_of_their_own(
    make_encoder: Make, settings: Settings
) -> None:
    encoder = make_encoder()
    table = scored_for(encoder)
    after = run_for(encoder, later(settings), table).datamodule
    mixed = run_for(encoder, settings, table).datamodule
    plans = [mixed.plan(epoch) for epoch in range(3)]
    assert (mixed.steps, after.steps) == ([9, 9, 9], [4, 4, 4, 5, 5])
    assert [{part for part, _ in after.plan(epoch)} for epoch in range(5)] == [{0}] * 3 + [{1}] * 2
    np.testing.assert_array_equal(after.parts[0].rows(2), mixed.parts[0].rows(2))
    assert [part.left_out for part in after.parts] == [mixed.parts[0].left_out, [1, 1]]
    for plan in plans:
        assert sorted(plan) == [(0, number) for number in range(4)] + [(1, number) for number in range(5)]
        for part in range(2):
            own = [number for place, number in plan if place == part]
            assert own == sorted(own)
    assert len({tuple(plan) for plan in plans}) > 1
    assert plans == [run_for(encoder, settings, table).datamodule.plan(epoch) for epoch in range(3)]
    expected = [(RankedBatch, ScoredBatch)[place] for place, _ in plans[0]]
    assert kinds(mixed.train_dataloader()) == expected


def test_scored_pairs_stand_beside_what_a_teacher_teaches(make_encoder: Make, settings: Settings) -> None:
    encoder = make_encoder()
    table = scored_for(encoder)
    taught = TeacherVectors(np.zeros((9, encoder.dimension), np.float32), table.ids, table.offsets)
    distill = Distill(teacher="t", sources=False, unit=True)
    asked = replace(settings, train=replace(settings.train, distill=distill, after=After(epochs=2, lr=1e-2)))
    run = run_for(encoder, asked, table, taught)
    assert kinds(run.datamodule.train_dataloader()) == [TaughtBatch] * 2
    assert run.datamodule.steps == [2, 2, 2, 5, 5]
    before = weights_of(encoder)
    fit(encoder, asked, table=table, taught=taught)
    assert not torch.equal(before, weights_of(encoder))


def test_triplets_of_weight_0_alone_make_no_part_beside_scored_pairs(make_encoder: Make, settings: Settings) -> None:
    encoder = make_encoder()
    table = scored_for(encoder, triplets=18)
    table = replace(table, scored_corpus=np.ones(len(table.scored), np.int16))
    weights = {"read": 0.0, "learnt": 1.0}
    chosen = replace(settings, train=replace(settings.train, weights=weights))
    inputs = Inputs(encoder.tokenizer, STARTS.empty_table(), table, list(weights))
    assert [part.unit for part in datamodule_of(chosen, inputs, encoder).parts] == ["scored_pairs"]


@pytest.mark.parametrize("triplets", [18, 0])
@pytest.mark.parametrize("step", [9, *(pytest.param(step, marks=pytest.mark.slow) for step in (3, 11))])
def test_stopped_at_any_step_it_ends_as_if_it_had_not_been(
    make_encoder: Make, settings: Settings, tmp_path: Path, triplets: int, step: int
) -> None:
    class Stop(Callback):
        def on_train_batch_end(self, trainer: Trainer, *_: object) -> None:
            if trainer.global_step == step:
                raise InterruptedError

    def go(*callbacks: Callback, checkpoint: Path | None = None) -> torch.Tensor:
        encoder = make_encoder().train()
        table = scored_for(encoder, triplets=triplets)
        fit(encoder, settings, *callbacks, checkpoint=checkpoint, table=table)
        return weights_of(encoder)

    path = tmp_path / "last.ckpt"
    recorder = Recorder(str)
    with pytest.raises(InterruptedError):
        go(recorder, Checkpoints(path, 1, recorder, lambda: None), Stop())
    resumed, whole = Recorder(str), Recorder(str)
    assert torch.equal(go(resumed, checkpoint=path), go(whole))
    assert resumed.curves == whole.curves


def test_the_rows_of_a_loss_that_is_not_finite_are_named_with_their_own_file(
    make_encoder: Make, settings: Settings, tmp_path: Path
) -> None:
    encoder = make_encoder()
    run = run_for(encoder, later(settings), scored_for(encoder))
    describe = whereabouts(run, tmp_path)
    rows = [", ".join(map(str, part.rows(epoch)[2])) for part, epoch in zip(run.datamodule.parts, (2, 3), strict=True)]
    for (epoch, number), place in (((2, 2), 0), ((3, 2), 1)):
        own = [part for part, _ in run.datamodule.plan(epoch)]
        assert own == [place] * len(own)
        step = sum(run.datamodule.steps[:epoch]) + run.datamodule.plan(epoch).index((place, number)) + 1
        source = run.datamodule.parts[place].source
        assert f"of epoch {epoch + 1}, rows {rows[place]}, … of {source};" in describe(step)


def test_too_few_pairs_for_a_batch_are_refused(make_encoder: Make, settings: Settings) -> None:
    encoder = make_encoder()
    with pytest.raises(
        DataError, match=r"train\.batch_size: no batch of 4 scored pairs can be made from 3 scored pairs"
    ):
        run_for(encoder, settings, scored_for(encoder, pairs=3))


def test_pairs_of_one_score_have_no_order_to_learn_and_are_refused(make_encoder: Make, settings: Settings) -> None:
    encoder = make_encoder()
    table = scored_for(encoder)
    with pytest.raises(DataError, match=r"scored\.parquet: every pair has the score 0\.6, .* there must be two scores"):
        run_for(encoder, settings, replace(table, scores=np.full_like(table.scores, 0.6)))


def test_weights_hold_for_the_pairs_of_a_corpus(make_encoder: Make, settings: Settings) -> None:
    encoder = make_encoder()
    table = replace(scored_for(encoder, triplets=0), scored_corpus=np.arange(21) % 2)
    part = ScoredPart(Shared(table, encoder.arrange, batch_size=1, epochs=range(1), seed=3, weights=[2.0, 0.0]))
    assert sorted(part.rows(0).ravel().tolist()) == sorted([*range(0, 21, 2)] * 2)


@pytest.mark.parametrize("triplets", [18, 0])
def test_the_summary_counts_each_part_and_names_the_losses(
    make_encoder: Make, settings: Settings, triplets: int
) -> None:
    encoder = make_encoder()
    run = run_for(encoder, settings, scored_for(encoder, triplets=triplets))

    class Selected:
        best_step, best, share = 1, 0.5, 1.0

    told = summary(settings, run, ended(settings, run), Selected())  # type: ignore[arg-type]
    assert (told["scored_pairs"], told["scored_pairs_left_out_per_epoch"]) == (21, [1, 1, 1])
    if triplets:
        assert (told["triplets"], told["negatives_per_anchor"], told["triplets_left_out_per_epoch"]) == (18, 7, [2] * 3)
        assert (told["losses"], told["steps_per_epoch"]) == (["ranking", "CoSENT"], [9, 9, 9])
        assert (told["triplets_steps_per_epoch"], told["scored_pairs_steps_per_epoch"]) == (TRIPLETS, PAIRS)
    else:
        assert (told["losses"], told["steps_per_epoch"]) == (["CoSENT"], PAIRS)
        assert not {"triplets", "negatives_per_anchor", "scored_pairs_steps_per_epoch"} & set(told)


def test_the_summary_leaves_out_what_the_run_ended_before(make_encoder: Make, settings: Settings) -> None:
    encoder = make_encoder()
    run = run_for(encoder, settings, scored_for(encoder))
    first = run.datamodule.plan(0)[0][0]
    units, losses = ["triplets", "scored_pairs"], [None, ["CoSENT"]]

    class Selected:
        best_step, best, share = 1, 0.5, 1.0

    told = summary(settings, run, ended(settings, run, 1), Selected())  # type: ignore[arg-type]
    assert (units[first] in told, units[1 - first] in told, told.get("losses")) == (True, False, losses[first])
    assert summary(settings, run, ended(settings, run, 9), Selected())["losses"] == ["ranking", "CoSENT"]  # type: ignore[arg-type]


def test_pairs_of_higher_scores_come_nearer(make_encoder: Make, settings: Settings) -> None:
    encoder = make_encoder()
    table = scored_for(encoder, triplets=0)
    texts = [f"el par {i} tiene {word}" for i in range(21) for word in ("esto", "aquello")]

    def correlation() -> float:
        vectors = encoder.eval().encode(texts)
        cosines = [
            a @ b / np.linalg.norm(a) / np.linalg.norm(b) for a, b in zip(vectors[::2], vectors[1::2], strict=True)
        ]
        return float(np.corrcoef(cosines, table.scores)[0, 1])

    before = correlation()
    fit(encoder, replace(settings, train=replace(settings.train, batch_size=20, epochs=60, lr=3e-3)), table=table)
    assert correlation() > max(0.6, before + 0.3)
