"""Beside ranking and CoSENT, a teacher's similarities are kept: whose vectors a batch has, and what the loss gains."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from training_inputs import fit, run_for, scored_for, settings_for, table_for, weights_of

from terna.data.teacher_vectors import TeacherVectors
from terna.data.token_table import TokenTable
from terna.encoder import Encoder
from terna.errors import DataError
from terna.training.similarities import similarity_loss

Make = Callable[..., Encoder]
ASKED = ("train.similarity_distillation={weight:3.0,teacher:t}", "train.gather=false")


def taught_for(encoder: Encoder, table: TokenTable | None = None) -> TeacherVectors:
    """Vectors of each sentence of the table that runs of tests have, of another width than the student's."""
    count = len((table or table_for(encoder)).keys)
    vectors = np.random.default_rng(3).normal(size=(count, 7)).astype(np.float32)
    return TeacherVectors(vectors, np.zeros(0, np.int32), np.zeros(1, np.int64))


@pytest.mark.parametrize("options", [(), ("train.known_positives=true",)])
def test_a_batch_has_the_teacher_s_vectors_of_its_own_texts_and_the_loss_their_similarities_by_weight(
    make_encoder: Make, root: Path, options: tuple[str, ...]
) -> None:
    encoder, settings = make_encoder(), settings_for(root, *ASKED, *options)
    taught, table = taught_for(encoder), table_for(encoder)
    run = run_for(encoder, settings, taught=taught)
    [part] = run.datamodule.parts
    rows = part.rows(0)
    for number, batch in enumerate(part.batches(rows, rows)):  # type: ignore[arg-type, var-annotated]
        sentences, known, known_anchors, teacher, _ = batch
        np.testing.assert_array_equal(teacher, taught.vectors[table.train[rows[number]].T.ravel()])
        vectors = encoder.eval()(sentences)
        ranked = run.module.loss(vectors, known, known_anchors)
        expected = ranked + 3.0 * similarity_loss(vectors, teacher, vectors, teacher)
        torch.testing.assert_close(run.module.loss(vectors, known, known_anchors, teacher), expected)


def cosent(vectors: np.ndarray, scores: list[float], scale: float) -> float:
    """CoSENT of first sentences and then second ones, pair of pairs by pair of pairs."""
    first, second = np.split(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), 2)
    cosines = [float(one @ other) for one, other in zip(first, second, strict=True)]
    both = [(i, j) for i in range(len(scores)) for j in range(len(scores)) if scores[i] > scores[j]]
    return math.log(1 + sum(math.exp(scale * (cosines[j] - cosines[i])) for i, j in both))


def distance(vectors: np.ndarray, teacher: np.ndarray) -> float:
    """The mean squared difference of the cosines of two sentences, sentence by sentence."""

    def cosine(of: np.ndarray, i: int, j: int) -> float:
        return float(of[i] @ of[j] / np.linalg.norm(of[i]) / np.linalg.norm(of[j]))

    pairs = [(i, j) for i in range(len(vectors)) for j in range(len(vectors)) if i != j]
    return float(np.mean([(cosine(vectors, i, j) - cosine(teacher, i, j)) ** 2 for i, j in pairs]))


@pytest.mark.parametrize("triplets", [0, 18])
def test_beside_scored_pairs_a_batch_has_the_teacher_s_vectors_of_its_pairs_and_the_loss_their_similarities_by_weight(
    make_encoder: Make, root: Path, triplets: int
) -> None:
    encoder, settings = make_encoder(), settings_for(root, *ASKED)
    settings = replace(settings, train=replace(settings.train, cosent_scale=9.0))
    table = scored_for(encoder, triplets=triplets)
    taught = taught_for(encoder, table)
    run = run_for(encoder, settings, table, taught)
    part = run.datamodule.parts[-1]
    rows = part.rows(0)
    for number, batch in enumerate(part.batches(rows, rows)):  # type: ignore[arg-type, var-annotated]
        sentences, scores, teacher = batch
        assert scores.tolist() == table.scores[rows[number]].tolist()
        wanted = [taught.vectors[table.scored[row, side]] for side in (0, 1) for row in rows[number]]
        np.testing.assert_array_equal(teacher, wanted)
        vectors = encoder.eval()(sentences).detach()
        texts = [encoder.embed(*tokens_of(table, table.scored[row, side])) for side in (0, 1) for row in rows[number]]
        np.testing.assert_allclose(vectors, np.concatenate(texts), atol=1e-5)
        expected = cosent(vectors.numpy(), scores.tolist(), 9.0) + 3.0 * distance(vectors.numpy(), np.stack(wanted))
        assert float(run.module.scored_loss(vectors, scores, teacher)) == pytest.approx(expected, rel=1e-4)


def tokens_of(table: TokenTable, sentence: int) -> tuple[np.ndarray, np.ndarray]:
    """A sentence's ids, and offsets that say it is the only one."""
    ids = table.ids[table.offsets[sentence] : table.offsets[sentence + 1]]
    return ids, np.array([0, len(ids)])


@pytest.mark.slow
def test_a_run_keeps_what_a_heavy_weight_asks_for(make_encoder: Make, root: Path) -> None:
    def distance(encoder: Encoder, start: torch.Tensor) -> float:
        table = table_for(encoder)
        found = torch.from_numpy(encoder.embed(table.ids, table.offsets))
        return float(similarity_loss(found, start, found, start))

    moved = []
    for weight in (0.001, 1000.0):
        encoder, table = make_encoder(), table_for(make_encoder())
        for module in encoder.modules():  # whose noise would move a frozen similarity too
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
        start = encoder.embed(table.ids, table.offsets)
        taught = replace(taught_for(encoder), vectors=start)
        asked = f"train.similarity_distillation={{weight:{weight},teacher:t}}"
        fit(encoder, settings_for(root, asked, "train.lr=1e-3", "train.epochs=12"), taught=taught)
        moved.append(distance(encoder, torch.from_numpy(start)))
    assert moved[1] < 0.5 * moved[0]


def test_vectors_of_other_sentences_and_none_at_all_are_refused(make_encoder: Make, root: Path) -> None:
    encoder, settings = make_encoder(), settings_for(root, *ASKED)
    taught = taught_for(encoder)
    with pytest.raises(DataError, match=r"vectors of 53 sentences, but there are 54 in data/tokens; run the teacher"):
        run_for(encoder, settings, taught=replace(taught, vectors=taught.vectors[:-1]))
    with pytest.raises(DataError, match=r"train\.similarity_distillation: there are no teacher's vectors; run"):
        run_for(encoder, settings)


def test_without_it_the_weights_are_those_of_a_run_that_knows_no_teacher(make_encoder: Make, root: Path) -> None:
    ended = []
    for taught in (None, taught_for(make_encoder())):
        encoder = make_encoder()
        fit(encoder, settings_for(root), taught=taught)
        ended.append(weights_of(encoder))
    assert torch.equal(*ended)
