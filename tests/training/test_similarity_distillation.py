"""Beside ranking, a teacher's similarities are kept: whose vectors a batch has, and what they add to the loss."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from training_inputs import fit, run_for, settings_for, table_for, weights_of

from terna.data.teacher_vectors import TeacherVectors
from terna.encoder import Encoder
from terna.errors import DataError
from terna.training.similarities import similarity_loss

Make = Callable[..., Encoder]
ASKED = ("train.similarity_distillation={weight:3.0,teacher:t}", "train.gather=false")


def taught_for(encoder: Encoder, width: int = 7) -> TeacherVectors:
    """Vectors of each sentence of the table that runs of tests have, of another width than the student's."""
    count = len(table_for(encoder).keys)
    vectors = np.random.default_rng(3).normal(size=(count, width)).astype(np.float32)
    return TeacherVectors(vectors, np.zeros(0, np.int32), np.zeros(1, np.int64))


@pytest.mark.parametrize("options", [(), ("train.known_positives=true",)])
def test_a_batch_has_the_teacher_s_vectors_of_its_own_texts_and_the_loss_their_similarities_by_weight(
    make_encoder: Make, root: Path, options: tuple[str, ...]
) -> None:
    encoder, settings = make_encoder(), settings_for(root, *ASKED, *options)
    taught, table = taught_for(encoder), table_for(encoder)
    run = run_for(encoder, settings, taught=taught)
    rows = run.datamodule.rows(0)
    for number, batch in enumerate(run.datamodule.batches(rows, rows)):  # type: ignore[arg-type, var-annotated]
        sentences, known, known_anchors, teacher = batch
        np.testing.assert_array_equal(teacher, taught.vectors[table.train[rows[number]].T.ravel()])
        vectors = encoder.eval()(sentences)
        ranked = run.module.loss(vectors, known, known_anchors)
        expected = ranked + 3.0 * similarity_loss(vectors, teacher, vectors, teacher)
        torch.testing.assert_close(run.module.loss(vectors, known, known_anchors, teacher), expected)


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
