"""A student learns its teacher's vectors: the loss, the batches and what is trained, against the neighbour's."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.losses import MSELoss
from training_inputs import fit, run_for, settings_for

from terna.data.teacher_vectors import TeacherVectors
from terna.encoder import Encoder, save
from terna.errors import DataError, ModelError
from terna.records import write_arrays
from terna.sentences import tokenize
from terna.settings import Distill, Settings
from terna.training.adapters import freeze_layers
from terna.training.module import TrainingModule
from terna.training.similarities import similarity_loss

Make = Callable[..., Encoder]
SOURCES = [f"The sentence number {i} is a {'long, really long ' * (i % 3)}one." for i in range(11)]
TARGETS = [f"La frase número {i} es {'larga, muy larga ' * (i % 3)}así." for i in range(11)]


@pytest.fixture(scope="module")
def settings(root: Path) -> Settings:
    return settings_for(root, "experiment=distill", "train.epochs=2", "train.embeddings_only=false", "seed=5")


def teacher_vectors(encoder: Encoder, width: int | None = None) -> TeacherVectors:
    vectors = np.random.default_rng(2).normal(size=(len(SOURCES), width or encoder.dimension)).astype(np.float32)
    return TeacherVectors(vectors, *tokenize(encoder.tokenizer, [*TARGETS, *SOURCES], encoder.max_length))


def asked(settings: Settings, *, unit: bool = True, sources: bool = True, **changed: object) -> Settings:
    distill = Distill(teacher="t", sources=sources, unit=unit)
    return replace(settings, train=replace(settings.train, distill=distill, **changed))  # type: ignore[arg-type]


def test_the_loss_and_its_gradient_are_sentence_transformers_on_both_sides(
    make_encoder: Make, settings: Settings, tmp_path: Path
) -> None:
    encoder = make_encoder()
    save(encoder, tmp_path / "student")
    theirs = SentenceTransformer(str(tmp_path / "student"), device="cpu").eval()
    taught = teacher_vectors(encoder)
    run, rows = run_for(encoder, asked(settings, unit=False), taught=taught), np.arange(4)
    batch = run.datamodule.parts[0].batches(rows[None], rows[None])[0]
    ours = run.module.taught_loss(encoder.eval()(batch.sentences), batch.teacher) / encoder.dimension
    ours.backward()
    wanted = torch.from_numpy(taught.vectors[rows])
    features = [theirs.tokenize([texts[row] for row in rows]) for texts in (TARGETS, SOURCES)]
    expected = sum(MSELoss(theirs)([side], wanted) for side in features) / 2
    expected.backward()
    torch.testing.assert_close(ours, expected, atol=1e-6, rtol=1e-5)
    found = encoder.backbone.get_input_embeddings().weight.grad
    torch.testing.assert_close(found, theirs[0].auto_model.get_input_embeddings().weight.grad, atol=1e-6, rtol=1e-4)


def test_unit_vectors_compare_directions(make_encoder: Make, settings: Settings) -> None:
    student = TrainingModule(make_encoder(), asked(settings).train, [1], 1)
    vectors, teacher = torch.randn(6, 5), torch.randn(3, 5)
    cosines = torch.nn.functional.cosine_similarity(vectors, teacher.repeat(2, 1))
    torch.testing.assert_close(student.taught_loss(vectors, teacher), (2 - 2 * cosines).mean())
    torch.testing.assert_close(student.taught_loss(vectors, 7 * teacher), student.taught_loss(vectors, teacher))


def test_a_teacher_of_another_width_is_refused_with_the_head_that_is_needed(
    make_encoder: Make, settings: Settings
) -> None:
    student = TrainingModule(make_encoder(), asked(settings).train, [1], 1)
    with pytest.raises(ModelError, match=r"7 dimensions, the student's 5; .* model\.dense\.out_features=7"):
        student.taught_loss(torch.randn(3, 5), torch.randn(3, 7))


def test_similarities_are_learnt_of_a_teacher_of_another_width_each_part_by_its_weight(
    make_encoder: Make, settings: Settings
) -> None:
    vectors, teacher = torch.randn(6, 5), torch.randn(3, 7)

    def loss(wanted: torch.Tensor, **weights: float) -> torch.Tensor:
        distill = Distill(teacher="t", sources=True, unit=False, **weights)  # type: ignore[arg-type]
        train = replace(settings.train, distill=distill, gather=False)
        return TrainingModule(make_encoder(), train, [1], 1).taught_loss(vectors, wanted)

    every = teacher.repeat(2, 1)
    similarities = similarity_loss(vectors, every, vectors, every)
    torch.testing.assert_close(loss(teacher, vectors=0.0, similarities=3.0), 3 * similarities)
    narrow = teacher[:, :5]
    both = loss(narrow, vectors=2.0) + loss(narrow, vectors=0.0, similarities=3.0)
    torch.testing.assert_close(loss(narrow, vectors=2.0, similarities=3.0), both)
    torch.testing.assert_close(loss(narrow, vectors=2.0), 2 * loss(narrow))


@pytest.mark.parametrize("sources", [True, False])
def test_each_epoch_has_each_pair_once_in_an_order_of_its_own_with_its_teacher(
    make_encoder: Make, settings: Settings, sources: bool
) -> None:
    encoder = make_encoder()
    taught = teacher_vectors(encoder)
    given = run_for(encoder, asked(settings, sources=sources), taught=taught).datamodule.parts[0]
    alone = encoder.eval().encode([*TARGETS, *SOURCES])
    orders = []
    for epoch in range(2):
        rows = given.rows(epoch)
        assert rows.shape == (2, 4)
        assert len(set(rows.ravel().tolist())) == 8
        orders.append(rows.tolist())
        for batch, numbers in zip(given.batches(rows, rows), rows, strict=True):  # type: ignore[call-overload]
            texts = np.concatenate([numbers, *([numbers + len(TARGETS)] if sources else [])])
            np.testing.assert_allclose(encoder(batch.sentences).detach(), alone[texts], atol=1e-5)
            np.testing.assert_array_equal(batch.teacher, taught.vectors[numbers])
    assert orders[0] != orders[1]
    assert given.rows(0).tolist() == orders[0]
    assert (given.steps, given.left_out, given.count) == ([2, 2], [3, 3], 11)


def test_too_few_pairs_for_a_batch_are_refused(make_encoder: Make, settings: Settings) -> None:
    encoder = make_encoder()
    with pytest.raises(DataError, match=r"train\.batch_size: no batch of 12 .* from 11 translations"):
        run_for(encoder, asked(settings, batch_size=12), taught=teacher_vectors(encoder))


def test_with_embeddings_only_the_layers_stay_and_the_words_move(make_encoder: Make, settings: Settings) -> None:
    encoder = make_encoder()
    freeze_layers(encoder)
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    fit(encoder, asked(settings), taught=teacher_vectors(encoder))
    changed = [name for name, value in encoder.state_dict().items() if not torch.equal(value, before[name])]
    assert changed == ["backbone.embeddings.word_embeddings.weight"]


def test_a_student_comes_nearer_its_teacher(make_encoder: Make, settings: Settings) -> None:
    encoder, teacher = make_encoder(), make_encoder("seed=7").eval()
    taught = replace(teacher_vectors(encoder), vectors=teacher.encode(SOURCES))

    def distance() -> float:
        cosines = torch.nn.functional.cosine_similarity(*map(torch.tensor, (encoder.encode(TARGETS), taught.vectors)))
        return float((2 - 2 * cosines).mean())

    before = distance()
    fit(encoder, asked(settings, epochs=30, lr=3e-3), taught=taught)
    assert distance() < 0.5 * before


def test_teacher_vectors_are_mapped_from_disk_and_a_broken_file_is_named(make_encoder: Make, tmp_path: Path) -> None:
    taught = teacher_vectors(make_encoder())
    write_arrays(vars(taught), tmp_path)
    found = TeacherVectors.load(tmp_path)
    assert isinstance(found.vectors, np.memmap)
    np.testing.assert_array_equal(found.vectors, taught.vectors)
    (tmp_path / "ids.npy").write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"ids\.npy: .*run the teacher stage"):
        TeacherVectors.load(tmp_path)
