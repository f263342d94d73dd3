"""A guide leaves out false negatives: sentence-transformers' GIST, and what a batch of a run is ranked among."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from loss_inputs import embeddings
from sentence_transformers.sentence_transformer.losses import GISTEmbedLoss, gist_embed
from test_similarity_distillation import taught_for
from torch import Tensor
from training_inputs import run_for, settings_for, stepped, table_for

from terna.encoder import Encoder
from terna.errors import DataError
from terna.training.losses.guide import either, guided
from terna.training.losses.ranking import ranking_loss

Make = Callable[..., Encoder]
BOTH = (0, 1)


def guides(columns: int, dimension: int = 4) -> list[Tensor]:
    """A guide's vectors, of which those of positives are not far from their anchors'."""
    drawn = list(torch.randn(columns, 7, dimension, generator=torch.Generator().manual_seed(8), dtype=torch.float64))
    drawn[1] = drawn[1] + drawn[0]
    return drawn


def ours(columns: list[Tensor], guide: list[Tensor], contrast: tuple[int, ...], **margin: Any) -> Tensor:
    known, _ = guided(*guide, all_anchors=guide[0], contrast=contrast, **margin)
    return ranking_loss(*columns, scale=20.0, known=known, contrast=contrast)


def neighbours(
    columns: list[Tensor], guide: list[Tensor], contrast: tuple[int, ...], tokenizer: Any, **options: Any
) -> Tensor:
    """Their loss has models encode: here each hands out the vectors that are given."""
    models = [SimpleNamespace(tokenizer=tokenizer, max_seq_length=8, vectors=each) for each in (columns, guide)]
    chosen = {"contrast_anchors": 0 in contrast, "contrast_positives": 1 in contrast}
    loss = GISTEmbedLoss(*models, temperature=1 / 20, **chosen, **options)
    return loss([{} for _ in columns], torch.empty(0))


@pytest.mark.parametrize("contrast", [(), (0,), (1,), BOTH])
@pytest.mark.parametrize("columns", [2, 3])
@pytest.mark.parametrize(
    ("margin", "theirs"),
    [
        ({}, {}),
        ({"margin": 0.2}, {"margin": 0.2}),
        ({"margin": 0.3, "relative": True}, {"margin": 0.3, "margin_strategy": "relative"}),
    ],
    ids=["none", "absolute", "relative"],
)
def test_value_and_gradients_are_sentence_transformers_own(
    make_encoder: Make,
    monkeypatch: pytest.MonkeyPatch,
    columns: int,
    contrast: tuple[int, ...],
    margin: dict[str, Any],
    theirs: dict[str, Any],
) -> None:
    monkeypatch.setattr(gist_embed, "embed_columns", lambda model, _: model.vectors)
    mine, others, guide = embeddings(columns), embeddings(columns), guides(columns)
    loss = ours(mine, guide, contrast, **margin)
    expected = neighbours(others, guide, contrast, make_encoder().tokenizer, **theirs)
    torch.testing.assert_close(loss, expected, rtol=1e-6, atol=1e-6)
    gradients, their_gradients = torch.autograd.grad(loss, mine), torch.autograd.grad(expected, others)
    torch.testing.assert_close(gradients, their_gradients, rtol=1e-6, atol=1e-6)
    masked = guided(*guide, all_anchors=guide[0], contrast=contrast, **margin)[0]
    assert masked.any() and not masked.all()  # the guide has a say, and not the whole


def test_of_all_anchors_a_process_s_share_has_its_rows_of_the_mask() -> None:
    anchors, positives, negatives = guides(3)
    whole, of_anchors = guided(anchors, positives, negatives, all_anchors=anchors, contrast=BOTH, margin=0.1)
    own, own_of_anchors = guided(
        anchors[3:5], positives, negatives, offset=3, all_anchors=anchors, contrast=BOTH, margin=0.1
    )
    assert torch.equal(own, whole[3:5]) and torch.equal(own_of_anchors, of_anchors[3:5])


def test_an_anchor_and_a_positive_are_not_contrasted_with_themselves() -> None:
    """Whatever a guide says, of which there is none here: by hand, two orthogonal pairs."""
    anchors = torch.eye(2)
    loss = ranking_loss(anchors, 3 * anchors, scale=2.0, contrast=BOTH)
    torch.testing.assert_close(loss, torch.tensor([2.0, 0.0, 0.0, 0.0]).logsumexp(0) - 2.0)


def cosine(one: Any, other: Any) -> float:
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


@pytest.mark.parametrize("known_positives", [False, True])
@pytest.mark.parametrize("symmetric", [False, True])
def test_a_batch_is_ranked_among_what_guide_and_labels_leave_by_a_brute_force(
    make_encoder: Make, root: Path, known_positives: bool, symmetric: bool
) -> None:
    asked = f"train.guide={{encoder:t,margin:0.1,contrast_anchors:{not symmetric}}}"
    options = (f"train.known_positives={known_positives}", f"train.symmetric={symmetric}")
    encoder, settings = make_encoder(), settings_for(root, asked, "train.gather=false", *options)
    table = table_for(encoder)
    drawn = np.random.default_rng(2).integers(0, len(table.keys), size=(400, 2))
    table = replace(table, positives=np.unique(np.concatenate([table.positives, drawn]), axis=0).astype(np.int32))
    taught = taught_for(encoder, table)
    run = run_for(encoder, settings, table, taught)
    [part] = run.datamodule.parts
    rows = part.rows(0)
    known = set(map(tuple, table.positives.tolist())) if known_positives else set()
    for number, batch in enumerate(part.batches(rows, rows)):  # type: ignore[arg-type, var-annotated]
        sentences, mask, mask_of_anchors, teacher, _ = batch
        vectors = encoder.eval()(sentences).detach().double()
        texts = table.train[rows[number]]
        places = {text: place for place, text in enumerate(texts.T.ravel().tolist())}
        ours, guide = vectors.numpy(), taught.vectors

        def left(one: int, other: int, limit: float, known: Any = known, guide: Any = guide) -> bool:
            return one != other and (one, other) not in known and cosine(guide[one], guide[other]) <= limit

        losses = []
        for anchor, positive, _ in texts.tolist():
            limit = cosine(guide[anchor], guide[positive]) - 0.1
            pairs = [(anchor, other) for other in texts[:, 1:].T.ravel().tolist()]
            pairs += [(anchor, other) for other in texts[:, 0].tolist() if not symmetric]
            pairs += [(positive, other) for other in texts[:, 1].tolist()]
            reverse = [(positive, other) for other in texts[:, 0].tolist()]
            for own, candidates in [((anchor, positive), pairs), ((positive, anchor), reverse)][: 1 + symmetric]:
                among = [own, *(pair for pair in candidates if pair != own and left(*pair, limit))]
                scaled = [20 * cosine(ours[places[one]], ours[places[other]]) for one, other in among]
                losses.append(np.log(np.sum(np.exp(scaled))) - scaled[0])
        found = run.module.loss(vectors, mask, mask_of_anchors, teacher)
        assert float(found) == pytest.approx(float(np.mean(losses)), rel=1e-6)


def test_with_gradient_caching_a_step_has_the_same_gradient(make_encoder: Make, root: Path) -> None:
    found = []
    for cached in ("false", "true"):
        encoder = make_encoder()
        encoder.cached = cached == "true"
        settings = settings_for(root, "train.guide={encoder:t}", f"train.cached={cached}")
        loss = stepped(run_for(encoder, settings, taught=taught_for(encoder)), 0)
        found.append((loss, torch.cat([each.grad.ravel() for each in encoder.parameters() if each.grad is not None])))
    torch.testing.assert_close(*found, rtol=1e-5, atol=1e-6)


def test_without_its_vectors_it_is_refused(make_encoder: Make, root: Path) -> None:
    with pytest.raises(DataError, match=r"train\.guide: there are no teacher's vectors; run the teacher stage"):
        run_for(make_encoder(), settings_for(root, "train.guide={encoder:t}"))


def test_masks_are_joined_and_none_stays_none() -> None:
    one, other = torch.tensor([True, False, False]), torch.tensor([False, False, True])
    joined = either(one, None, other)
    assert joined is not None and joined.tolist() == [True, False, True]
    assert either(None, None) is None
