"""Tuples of any number of negatives: batches without a repeated text, ranked as the neighbour ranks them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.losses import MatryoshkaLoss, MultipleNegativesRankingLoss
from test_similarity_distillation import distance, taught_for
from training_inputs import ended, run_for, scored_for, settings_for, shaped_for, stepped, table_for

from terna.encoder import Encoder, save
from terna.errors import DataError
from terna.training.losses.ranking import ranking_loss
from terna.training.parts.part import Shared
from terna.training.parts.ranked import RankedPart
from terna.training.setup import whereabouts
from terna.training.trainer import summary

Make = Callable[..., Encoder]
WIDTHS = {2: 9, 5: 8}


class Selected:
    best_step, best, share = 1, 0.5, 1.0


def part_of(encoder: Encoder, table: object, width: int, **options: bool) -> RankedPart:
    shared = Shared(table, encoder.arrange, batch_size=4, epochs=range(2), seed=3, weights=[1.0])  # type: ignore[arg-type]
    return RankedPart(shared, width=width, **options)


def test_each_width_is_a_part_with_batches_of_its_own(make_encoder: Make, root: Path) -> None:
    encoder = make_encoder()
    datamodule = run_for(encoder, settings_for(root), shaped_for(encoder, WIDTHS)).datamodule
    assert [part.unit for part in datamodule.parts] == ["tuples_of_2", "tuples_of_5"]
    assert [(part.count, part.steps, part.left_out) for part in datamodule.parts] == [
        (9, [2] * 3, [1] * 3),
        (8, [2] * 3, [0] * 3),
    ]
    plans = [datamodule.plan(epoch) for epoch in range(3)]
    assert all(sorted(plan) == [(0, 0), (0, 1), (1, 0), (1, 1)] for plan in plans)


@pytest.mark.parametrize("width", WIDTHS)
def test_a_batch_has_all_anchors_and_then_each_column_of_its_tuples(make_encoder: Make, width: int) -> None:
    encoder = make_encoder()
    first = 0 if width == 2 else 9
    part = part_of(encoder, shaped_for(encoder, WIDTHS), width)
    rows = part.rows(0)
    for batch, numbers in zip(part.batches(rows, rows), rows, strict=True):  # type: ignore[call-overload]
        pieces = [piece for chunk in batch.sentences.chunks for piece in chunk.ids.split(chunk.lengths)]
        order = [pieces[place] for place in batch.sentences.place]
        texts = encoder.tokenizer.batch_decode(order, skip_special_tokens=True)
        assert texts == [f"tupla {first + row} texto {column}" for column in range(width) for row in numbers]
        assert batch.columns == width
    assert part.in_source(rows[0]).tolist() == (rows[0] + first).tolist()


def test_no_text_comes_twice_over_all_columns_of_a_batch(make_encoder: Make) -> None:
    encoder = make_encoder()
    table = shaped_for(encoder, {4: 60})
    keys = np.random.default_rng(2).integers(0, 130, len(table.keys))
    part = part_of(encoder, replace(table, keys=keys), 4)
    for batch in part.rows(0):
        seen = keys[table.tuples.reshape(-1, 4)[batch]]
        assert len(np.unique(seen)) == seen.size == 16


@pytest.mark.parametrize("dimensions", ["[]", "[8,32]"])
@pytest.mark.parametrize("cached", ["false", "true"])
def test_a_step_without_dropout_has_the_neighbours_loss_and_gradients(
    make_encoder: Make, root: Path, tmp_path: Path, dimensions: str, cached: str
) -> None:
    encoder = make_encoder()
    save(encoder, tmp_path / "encoder")
    settings = settings_for(root, f"train.matryoshka={dimensions}")
    encoder.cached = cached == "true"
    run = run_for(encoder, settings, shaped_for(encoder, WIDTHS))
    ours, rows = stepped(run, 1), run.datamodule.parts[1].rows(0)[0]
    neighbour = SentenceTransformer(str(tmp_path / "encoder"), device="cpu").eval()
    loss: torch.nn.Module = MultipleNegativesRankingLoss(neighbour)
    if settings.train.matryoshka:
        loss = MatryoshkaLoss(neighbour, loss, settings.train.matryoshka)
    columns = [[f"tupla {9 + row} texto {column}" for row in rows] for column in range(5)]
    theirs = loss([neighbour.preprocess(texts) for texts in columns], None)
    theirs.backward()
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)
    others = dict(neighbour[0].auto_model.named_parameters())
    for name, parameter in encoder.backbone.named_parameters():
        if parameter.grad is not None:
            torch.testing.assert_close(parameter.grad, others[name].grad, atol=1e-5, rtol=1e-4)


def test_a_positive_of_an_anchor_that_is_a_text_of_another_tuple_is_masked_when_asked(make_encoder: Make) -> None:
    encoder = make_encoder()
    table = shaped_for(encoder, {4: 4})
    # the second negative of tuple 3 is known to follow from the anchor of tuple 1
    pairs = np.concatenate([table.positives, [[4, 15], [15, 4]]])
    table = replace(table, positives=np.unique(pairs, axis=0).astype(np.int32))
    part = part_of(encoder, table, 4, known_positives=True)
    rows = part.rows(0)
    [batch] = part.batches(rows, rows)  # type: ignore[misc]
    place = {row: number for number, row in enumerate(rows[0].tolist())}
    known = np.zeros((4, 12), bool)
    known[range(4), range(4)] = True  # its own, which the loss never leaves out
    known[place[1], 2 * 4 + place[3]] = True
    assert batch.known is not None and batch.known_anchors is not None
    np.testing.assert_array_equal(batch.known.numpy(), known)
    np.testing.assert_array_equal(batch.known_anchors.numpy(), np.eye(4, dtype=bool))


@pytest.mark.parametrize("option", ["symmetric", "known_positives"])
def test_an_option_of_ranking_holds_for_tuples(make_encoder: Make, root: Path, option: str) -> None:
    encoder = make_encoder()
    run = run_for(encoder, settings_for(root, f"train.{option}=true"), shaped_for(encoder, WIDTHS))
    rows = run.datamodule.parts[1].rows(0)
    batch = run.datamodule.parts[1].batches(rows, rows)[0]
    found = stepped(run, 1)
    vectors = encoder(batch.sentences).detach().chunk(5)
    expected = ranking_loss(*vectors, symmetric=option == "symmetric", known=batch.known)
    torch.testing.assert_close(found.detach(), expected)


def test_the_teacher_s_similarities_of_all_texts_of_a_tuple_are_kept_by_weight(make_encoder: Make, root: Path) -> None:
    encoder = make_encoder()
    table = shaped_for(encoder, WIDTHS, classed=8)
    taught = taught_for(encoder, table)
    asked = settings_for(root, "train.similarity_distillation={weight:3.0,teacher:t}")
    alone, both = (run_for(encoder, each, table, taught) for each in (settings_for(root), asked))
    for part, columns in enumerate((2, 5, 2)):
        rows = both.datamodule.parts[part].rows(0)
        batch = both.datamodule.parts[part].batches(rows, rows)[0]
        gain = float((stepped(both, part) - stepped(alone, part)).detach())
        vectors = encoder(batch.sentences).detach().numpy()
        assert len(vectors) == columns * 4
        assert gain == pytest.approx(3.0 * distance(vectors, batch.teacher.numpy()), rel=1e-3)


def test_triplets_tuples_and_scored_pairs_stand_side_by_side_and_the_summary_counts_each(
    make_encoder: Make, root: Path
) -> None:
    encoder = make_encoder()
    table = scored_for(encoder)
    tupled = shaped_for(encoder, WIDTHS, classed=8)
    first = len(table.keys)
    table = replace(
        table,
        ids=np.concatenate([table.ids, tupled.ids]),
        offsets=np.concatenate([table.offsets, table.offsets[-1] + tupled.offsets[1:]]),
        keys=np.arange(first + len(tupled.keys)),
        tuples=tupled.tuples + first,
        classed=tupled.classed + first,
        **{name: getattr(tupled, name) for name in ("tuple_offsets", "tuple_corpus", "classes", "classed_corpus")},
    )
    settings = settings_for(root)
    run = run_for(encoder, settings, table)

    told = summary(settings, run, ended(settings, run), Selected())  # type: ignore[arg-type]
    units = ["triplets", "tuples_of_2", "tuples_of_5", "classed_pairs", "scored_pairs"]
    assert [part.unit for part in run.datamodule.parts] == units
    assert [told[unit] for unit in units] == [18, 9, 8, 8, 21]
    assert told["losses"] == ["ranking", "softmax", "CoSENT"]
    negatives = ["negatives_per_anchor", "tuples_of_2_negatives_per_anchor", "tuples_of_5_negatives_per_anchor"]
    assert [told[name] for name in negatives] == [7, 3, 15]
    assert told["steps_per_epoch"] == [4 + 2 + 2 + 2 + 5] * 3


@pytest.mark.parametrize(
    ("tuples", "counts", "cut"),
    [
        # cut to the next width, over several, and of the narrowest left out
        ({2: 8, 3: 3}, {2: (11, 2)}, (3, 2)),
        ({2: 8, 3: 5, 4: 1, 6: 2}, {2: (8, 2), 3: (8, 2)}, (6, 3)),
        ({2: 3, 3: 5, 4: 1}, {2: (3, 0), 3: (6, 1)}, (4, 3)),
    ],
)
def test_too_few_tuples_of_a_width_are_cut_to_the_next_and_of_the_narrowest_left_out(
    make_encoder: Make,
    root: Path,
    tuples: dict[int, int],
    counts: dict[int, tuple[int, int]],
    cut: tuple[int, int],
    caplog: pytest.LogCaptureFixture,
) -> None:
    encoder, settings = make_encoder(), settings_for(root)
    run = run_for(encoder, settings, table := shaped_for(encoder, tuples))
    said = "tuples of up to {} texts fill no batch of their own: they lose the negatives beyond {} texts".format(*cut)
    assert said in caplog.messages
    assert {part.columns: (part.count, part.steps[0]) for part in run.datamodule.parts} == counts  # type: ignore[attr-defined]
    for part in run.datamodule.parts:
        starts = table.tuple_offsets[part.places]  # type: ignore[attr-defined]
        assert part.numbers.tolist() == [[*range(one, one + part.columns)] for one in starts]  # type: ignore[attr-defined]
    told = summary(settings, run, ended(settings, run), Selected())  # type: ignore[arg-type]
    for width, (count, steps) in counts.items():
        assert (told[f"tuples_of_{width}"], told[f"tuples_of_{width}_left_out_per_epoch"][0]) == (
            count,
            count - 4 * steps,
        )


def test_too_few_tuples_of_all_widths_are_refused(make_encoder: Make, root: Path, tmp_path: Path) -> None:
    encoder = make_encoder()
    with pytest.raises(DataError, match=r"no batch of 4 tuples of 2 without a repeated text can be made from 3 tuples"):
        run_for(encoder, settings_for(root), shaped_for(encoder, {2: 2, 3: 1}))
    run = run_for(encoder, settings_for(root), shaped_for(encoder, WIDTHS))
    rows = ", ".join(str(9 + row) for row in run.datamodule.parts[1].rows(0)[0])
    step = run.datamodule.plan(0).index((1, 0)) + 1
    assert f"rows {rows}, … of data/triplets/tuples.parquet;" in whereabouts(run, tmp_path)(step)


def test_triplets_beside_tuples_have_the_batches_that_they_have_alone(make_encoder: Make, root: Path) -> None:
    encoder = make_encoder()
    table = table_for(encoder)
    # tuples of the triplets' own texts
    tuples = {"tuples": table.train.ravel(), "tuple_offsets": np.arange(0, 55, 3), "tuple_corpus": table.corpus}
    both = replace(table, **tuples)
    alone, beside = (run_for(encoder, settings_for(root), each).datamodule.parts[0] for each in (table, both))
    np.testing.assert_array_equal(alone.rows(1), beside.rows(1))
