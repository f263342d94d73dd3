"""The best weights on the development data are the ones that go out, and the run stops when they get no better."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from pytorch_lightning import LightningModule, Trainer
from safetensors.torch import load_file, save_file
from scipy.stats import pearsonr
from torch import Tensor
from torch.utils.data import DataLoader

from terna.data.evaluators import Similarity, read_evaluator
from terna.data.token_table import TokenTable
from terna.encoder import Encoder
from terna.errors import ModelError
from terna.records import SCORED
from terna.sentences import tokenize
from terna.settings import compose, load
from terna.training.selection import Scored, Selection, benchmark_score, development_score

Make = Callable[..., Encoder]
STEPS_AN_EPOCH = 5


class Drift(LightningModule):
    """Adds one to a parameter at each step, so that the weights tell the step at which they were kept."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.automatic_optimization = False

    def training_step(self, *_: object) -> None:
        self.optimizers().step()  # type: ignore[union-attr, call-arg]
        with torch.no_grad():
            counter(self.encoder).add_(1.0)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)


def tell(trainer: Trainer, figures: dict[str, float]) -> None:
    pass


def counter(encoder: Encoder) -> Tensor:
    return encoder.backbone.embeddings.LayerNorm.bias.data


@pytest.fixture
def run(make_encoder: Make, tmp_path: Path) -> Callable[..., tuple[Selection, Encoder, int, list[int]]]:
    """A function that trains with the given scores, one a scoring, and tells what was selected and when was scored."""

    def go(
        scores: list[float],
        *,
        epochs: int,
        every: int | None = None,
        patience: int | None = None,
        wise_ft: Sequence[float] = (),
        ema: float | None = None,
    ) -> tuple[Selection, Encoder, int, list[int]]:
        encoder = make_encoder().train()
        start = counter(encoder).detach().clone()
        answers: Iterator[float] = iter(scores)
        scored: list[int] = []
        known: dict[int, float] = {}

        def score(current: Encoder) -> Scored:
            step = round(float((counter(current) - start).mean()))
            if step not in known:
                scored.append(step)
                known[step] = next(answers)
            return Scored({"cosine_pearson": known[step]}, np.full(3, float(step)))

        options = {"every": every, "patience": patience, "wise_ft": wise_ft, "ema": ema}
        selection = Selection(encoder, score, tell, main="cosine_pearson", folder=tmp_path, **options)
        trainer = Trainer(
            accelerator="cpu",
            max_epochs=epochs,
            callbacks=[selection],
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        trainer.fit(Drift(encoder), DataLoader(torch.zeros(STEPS_AN_EPOCH, 1)))
        selection.try_averages(trainer.global_step)
        selection.restore()
        kept = round(float((counter(encoder) - start).mean()))
        return selection, encoder, kept, scored

    return go


def test_the_best_scoring_wins_and_its_weights_come_back(run: Callable[..., tuple]) -> None:
    selection, _, kept, scored = run([0.2, 0.3, 0.6, 0.5], epochs=3)
    assert scored == [0, 5, 10, 15]
    assert (selection.best, selection.best_step, kept) == (0.6, 10, 10)
    assert (selection.start_score, selection.start.tolist(), selection.kept.tolist()) == (0.2, [0.0] * 3, [10.0] * 3)


def test_the_start_ships_where_no_step_scores_better(run: Callable[..., tuple]) -> None:
    selection, _, kept, scored = run([0.6, 0.3, 0.6], epochs=2)
    assert scored == [0, 5, 10]
    assert (selection.best, selection.best_step, kept) == (0.6, 0, 0)


def test_patience_counts_from_the_start(run: Callable[..., tuple]) -> None:
    assert run([0.6, 0.3, 0.4, 0.9], epochs=3, patience=2)[3] == [0, 5, 10]


def test_of_equal_scores_the_first_wins(run: Callable[..., tuple]) -> None:
    assert run([0.1, 0.4, 0.4, 0.4], epochs=3)[2] == 5


def test_it_also_scores_every_so_many_steps_and_always_at_the_end_of_an_epoch(run: Callable[..., tuple]) -> None:
    assert run([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7], epochs=2, every=3)[3] == [0, 3, 5, 6, 9, 10]


def test_it_stops_when_patience_is_over(run: Callable[..., tuple]) -> None:
    selection, _, kept, scored = run([0.1, 0.5, 0.4, 0.3, 0.9], epochs=4, patience=2)
    assert scored == [0, 5, 10, 15]
    assert (selection.best, kept) == (0.5, 5)


def test_an_average_with_the_start_ships_where_it_scores_best(run: Callable[..., tuple]) -> None:
    # steps 0, 5 and 10, then 0.3 and 0.7 of the ten steps
    selection, encoder, kept, scored = run([0.5, 0.4, 0.3, 0.8, 0.6], epochs=2, wise_ft=[0.3, 0.7])
    assert scored == [0, 5, 10, 3, 7]
    assert (selection.best, selection.best_step, selection.share, kept) == (0.8, 10, 0.3, 3)
    assert selection.kept.tolist() == [3.0] * 3
    assert selection.start_score == 0.5
    assert encoder.backbone.embeddings.position_ids.dtype == torch.int64


def test_an_average_that_scores_no_better_is_left(run: Callable[..., tuple]) -> None:
    selection, _, kept, _ = run([0.5, 0.8, 0.3, 0.8], epochs=2, wise_ft=[0.3])
    assert (selection.best, selection.best_step, selection.share, kept) == (0.8, 5, 1.0, 5)


def test_an_average_is_of_every_weight(run: Callable[..., tuple], make_encoder: Make, tmp_path: Path) -> None:
    _, encoder, *_ = run([0.1, 0.2, 0.9], epochs=1, wise_ft=[0.25])
    start = load_file(tmp_path / "start.safetensors")
    name = "backbone.embeddings.LayerNorm.bias"
    for key, weight in encoder.state_dict().items():
        moved = 0.25 * STEPS_AN_EPOCH if key == name else 0.0
        torch.testing.assert_close(weight, start[key] + moved if moved else start[key])


def test_the_moving_average_ships_where_it_scores_best_and_is_the_recursion_s(
    run: Callable[..., tuple], make_encoder: Make
) -> None:
    selection, encoder, kept, scored = run([0.5, 0.4, 0.3, 0.8], epochs=2, ema=0.5)
    expected = 0.0
    for step in range(1, 11):
        expected = 0.5 * expected + 0.5 * step
    assert scored == [0, 5, 10, 9]
    assert (selection.best, selection.best_step, selection.kept_ema, kept) == (0.8, 10, True, 9)
    torch.testing.assert_close(counter(encoder) - counter(make_encoder()), torch.full((32,), expected))
    assert encoder.backbone.embeddings.position_ids.dtype == torch.int64


def test_a_moving_average_that_scores_no_better_is_left(run: Callable[..., tuple]) -> None:
    selection, _, kept, scored = run([0.5, 0.8, 0.3, 0.8], epochs=2, ema=0.5)
    assert (scored, selection.best_step, selection.kept_ema, kept) == ([0, 5, 10, 9], 5, False, 5)


def test_without_the_start_there_is_no_average(run: Callable[..., tuple], tmp_path: Path) -> None:
    selection, *_ = run([0.1, 0.2, 0.9], epochs=1, wise_ft=[0.25])
    (tmp_path / "start.safetensors").write_bytes(b"x")
    with pytest.raises(ModelError, match=r"start\.safetensors: .*; delete .* and train again"):
        selection.try_averages(5)


@pytest.mark.parametrize(("kept_here", "refused"), [(True, True), (False, False)])
def test_weights_that_do_not_score_as_when_they_were_kept_are_refused(
    run: Callable[..., tuple], kept_here: bool, refused: bool
) -> None:
    selection, *_ = run([0.2, 0.3, 0.6], epochs=2)
    selection.kept_here, selection.best = kept_here, selection.best + 1e-6
    with (
        pytest.raises(ModelError, match=r"best-10.*score cosine_pearson 0\.6, but 0\.600001")
        if refused
        else nullcontext()
    ):
        selection.restore()
    selection.best += 1e-3
    with pytest.raises(ModelError, match="they are not the ones that were kept"):
        selection.restore()


def test_weights_of_another_run_in_the_same_place_are_refused(run: Callable[..., tuple], tmp_path: Path) -> None:
    selection, encoder, *_ = run([0.2, 0.3, 0.6, 0.5], epochs=3)
    counter(encoder).add_(5.0)
    save_file(encoder.state_dict(), tmp_path / "best-10.safetensors")
    with pytest.raises(ModelError, match=r"score cosine_pearson 0\.5, but 0\.6 when step 10 was scored"):
        selection.restore()


@pytest.mark.parametrize(
    ("start", "told"),
    [
        ({}, r"undefined at the start: .* choose another model\.backbone or model\.pooling$"),
        ({"dot_pearson": 0.1}, r"undefined after step 1: .* lower train\.lr or train\.clip, .* delete .*/$"),
    ],
)
def test_an_undefined_main_score_ends_the_run_with_its_step_and_the_remedy(
    make_encoder: Make, tmp_path: Path, start: dict[str, float], told: str
) -> None:
    scores = iter([start, {}])
    selection = Selection(
        make_encoder().train(),
        lambda _: Scored(next(scores), np.zeros(0)),
        tell,
        main="dot_pearson",
        folder=tmp_path,
        every=None,
        patience=None,
    )
    with pytest.raises(ModelError, match=rf"evaluate\.main_score: dot_pearson is {told}"):
        Trainer(
            accelerator="cpu",
            max_epochs=1,
            callbacks=[selection],
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        ).fit(Drift(selection.encoder), DataLoader(torch.zeros(1, 1)))


def test_of_vectors_that_are_not_finite_no_figure_is_defined(make_encoder: Make) -> None:
    encoder = make_encoder()
    columns = [["x"] * 3, [0, 1, 2], ["a", "b", "c"], ["d", "e", "f"], [0.0, 1.0, 2.0]]
    counter(encoder).fill_(float("nan"))
    found = benchmark_score(Similarity("x", pa.table(columns, schema=SCORED)), "cosine_pearson")(encoder)
    assert found.figures == {}


def test_an_average_whose_score_is_undefined_is_left(run: Callable[..., tuple]) -> None:
    selection, _, kept, _ = run([0.5, 0.8, float("nan")], epochs=1, wise_ft=[0.4])
    assert (selection.best, selection.share, kept) == (0.8, 1.0, 5)


def test_the_development_score_is_scipys_and_the_triplet_accuracy_a_plain_count(
    make_encoder: Make, sentences: list[str]
) -> None:
    encoder = make_encoder()
    pairs = [(a, b) for i, a in enumerate(sentences) for b in sentences[i + 1 :]]
    gold = np.linspace(0, 5, len(pairs)).tolist()
    columns = [["x"] * len(pairs), list(range(len(pairs))), [a for a, _ in pairs], [b for _, b in pairs], gold]
    ids, offsets = tokenize(encoder.tokenizer, sentences, encoder.max_length)
    dev = np.array([[0, 1, 2], [0, 2, 1], [3, 4, 0], [2, 3, 4]], np.int32)
    table = TokenTable(
        ids, offsets, np.arange(len(sentences)), dev, dev, np.zeros((0, 2), np.int32), np.zeros(len(dev), np.int16)
    )
    found, similarities = development_score(Similarity("x", pa.table(columns, schema=SCORED)), table, "cosine_pearson")(
        encoder
    )

    vectors = torch.nn.functional.normalize(torch.from_numpy(encoder.encode(sentences)).double(), dim=1)
    cosine = vectors @ vectors.T
    expected = [float(cosine[sentences.index(a), sentences.index(b)]) for a, b in pairs]
    np.testing.assert_allclose(similarities, expected, atol=1e-6)
    assert found["cosine_pearson"] == pytest.approx(pearsonr(expected, gold)[0], abs=1e-9)
    right = sum(bool(cosine[a, p] > cosine[a, n]) for a, p, n in dev)
    assert found["triplet_accuracy"] == right / 4
    assert right == 2 or right % 4  # the two mirrored triplets cannot both be right


HALVES = {
    # a header, the rows of pair or query n, and the same where its gold is another
    "own": ("sentence1,sentence2,score", "{a},{b},{n}", "{a},{b},{turned}"),
    "own_binary": ("sentence1,sentence2,class", "{a},{b},{even}", "{a},{b},{odd}"),
    "own_ranking": ("query,document,score", "{a},{b},1\n{a},un {b},3", "{a},{b},3\n{a},un {b},1"),
}


@pytest.mark.parametrize("choice", HALVES)
def test_the_half_of_a_file_that_is_the_test_changes_no_development_score(
    make_encoder: Make, root: Path, tmp_path: Path, choice: str
) -> None:
    header, row, other = HALVES[choice]
    evaluate = load(
        compose(root / "conf", [f"evaluate={choice}", "evaluate.benchmarks.own.files=[my/own.csv]"])
    ).evaluate
    encoder = make_encoder()

    def scored(changed: set[int]) -> tuple[dict[str, Scored], dict[str, set[str]]]:
        lines = [
            (other if n in changed else row).format(
                a=f"Pregunta {n}?", b=f"texto {n * 7}.", n=n % 6, turned=5 - n % 6, even=n % 2, odd=1 - n % 2
            )
            for n in range(24)
        ]
        for name in ("own", "own-dev"):
            (tmp_path / name).mkdir(exist_ok=True)
            (tmp_path / name / "own.csv").write_text("\n".join([header, *lines]))
        found = {name: read_evaluator(name, evaluate, tmp_path) for name in ("own", "own-dev")}
        scores = {name: benchmark_score(one, evaluate.main_score)(encoder) for name, one in found.items()}
        return scores, {name: set(one.texts) for name, one in found.items()}

    before, texts = scored(set())
    after, _ = scored({n for n in range(24) if f"Pregunta {n}?" in texts["own"]})
    assert after["own-dev"].figures == before["own-dev"].figures
    np.testing.assert_array_equal(after["own-dev"].outcome, before["own-dev"].outcome)
    assert after["own"].figures[evaluate.main_score] != before["own"].figures[evaluate.main_score]
