"""Scores the development data while training, keeps the best weights, and stops when they get no better."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from terna.arrays import Floats
from terna.data.evaluators import Evaluator, encoded
from terna.data.token_table import TokenTable
from terna.encoder import Encoder
from terna.encoder.averaging import Weights, average
from terna.errors import ModelError, words_of
from terna.metrics.similarity import pairwise
from terna.metrics.task import figures
from terna.records import replacing
from terna.sentences import gather
from terna.training.moving_average import MovingAverage
from terna.training.sharding import whole_weights


class Scored(NamedTuple):
    """Figures of an encoder by name, and the outcome of each pair or query that the main one is of, (n,) or (n, m)."""

    figures: dict[str, float]
    outcome: Floats


Score = Callable[[Encoder], Scored]
# by how much a score may differ that another process, perhaps on another machine, computed, or several by shards:
# rounding is a hundredth
TOLERANCE = 1e-4
NUMBERS = ("best", "best_step", "start_score", "waited")
START = "start.safetensors"


class Selection(Callback):
    """Scores `encoder` at the start, each epoch's end and every `every` steps, and keeps the best weights in `folder`.

    main: the figure of `score` that decides; the first of equals wins, the start among them. tell: is given the figures
    of each scoring. patience: stop after so many scorings without a better one. wise_ft: shares for `try_averages`, for
    which the start's weights are kept. ema: the decay of a moving average of the weights, for `try_averages` too. Of
    several processes the first scores and keeps; one in shards is scored by all at once.

    start, kept: the outcomes of the start and of the best. share: how much of the best are trained weights.
    kept_soup: these are the average of several trainings. kept_ema: the best are the moving average.
    """

    def __init__(
        self,
        encoder: Encoder,
        score: Score,
        tell: Callable[[Trainer, dict[str, float]], None],
        *,
        main: str,
        folder: Path,
        every: int | None,
        patience: int | None,
        wise_ft: Sequence[float] = (),
        ema: float | None = None,
    ) -> None:
        self.encoder = encoder
        self.score = score
        self.tell = tell
        self.main = main
        self.folder = folder
        self.every = every
        self.patience = patience
        self.wise_ft = wise_ft
        self.share = 1.0
        self.ema = MovingAverage(encoder, ema) if ema is not None else None
        self.kept_soup = self.kept_ema = False
        self.best: float | None = None
        self.best_step = 0
        self.start = self.kept = np.zeros(0)
        self.start_score = float("nan")
        self.waited = 0
        self.kept_here = False
        self.device = torch.device("cpu")

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Score the model as it starts, unless the run resumes from a checkpoint."""
        self.device = pl_module.device
        if not trainer.global_step:
            self.start_score, self.start = self._scored(trainer)
            self._better(trainer, self.start_score, self.start)
            if self.wise_ft and trainer.is_global_zero:
                keep(self.encoder.state_dict(), self.folder / START)

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: object) -> None:
        """Score when it is time, keep what is better, and stop the run when patience is over."""
        if self.ema:
            self.ema.update()
        last = trainer.fit_loop.epoch_loop.batch_progress.is_last_batch
        if not last and (self.every is None or trainer.global_step % self.every):
            return
        found, outcome = self._scored(trainer)
        if self.best is None or found > self.best:
            self._better(trainer, found, outcome)
        else:
            self.waited += 1
        if self.patience is not None and self.waited >= self.patience:
            trainer.should_stop = True

    def state_dict(self) -> dict[str, Any]:
        """What was best so far, for a checkpoint; its weights lie in `folder`."""
        numbers = {name: getattr(self, name) for name in NUMBERS}
        moving = {"ema": self.ema.weights} if self.ema else {}
        return numbers | moving | {name: torch.from_numpy(getattr(self, name)) for name in ("start", "kept")}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Resume from a checkpoint."""
        self.kept_here = False
        for name in NUMBERS:
            setattr(self, name, state_dict[name])
        self.start, self.kept = (state_dict[name].numpy() for name in ("start", "kept"))
        if self.ema:
            self.ema.load(state_dict["ema"])

    def try_averages(self, step: int, trained: Sequence[Path] = ()) -> None:
        """Score averages of the start's weights and those after `step`, the last, and the moving average of all.

        trained: what several trainings ended with; then their average is scored, and takes the place of the last. One
        that scores best of all is kept; one whose score is undefined is below all others. Raises
        ModelError when weights that were kept cannot be read.
        Sources: Wortsman et al., Robust Fine-Tuning of Zero-Shot Models, 2022, section 3, and Model Soups, 2022.
        """
        start = self._read(self.folder / START) if self.wise_ft else None
        last = {name: value.detach().cpu().clone() for name, value in self.encoder.state_dict().items()}
        members = [self._read(path) for path in trained] or [last]
        for share in [*([1.0] if trained else []), *self.wise_ft]:
            self._try(average(members, start, share), step, share=share, soup=bool(trained))
        if self.ema:
            self._try(self.ema.weights, step, ema=True)

    def _try(self, weights: Weights, step: int, *, share: float = 1.0, soup: bool = False, ema: bool = False) -> None:
        """Score other weights than those that a step left; keep them if they are the best."""
        self.encoder.load_state_dict(weights)
        figures, outcome = self.score(self.encoder.to(self.device))
        if self.main in figures and (self.best is None or figures[self.main] > self.best):
            self.best, self.best_step, self.kept, self.kept_here = figures[self.main], step, outcome, True
            self.share, self.kept_soup, self.kept_ema = share, soup, ema
            keep(self.encoder.state_dict(), self._path)

    @property
    def averaged(self) -> str:
        """What the best are an average of, after a comma; empty where of nothing."""
        if self.kept_ema:
            return ", the moving average of the weights"
        soup = ", the average of all trainings" if self.kept_soup else ""
        return soup + ("" if self.share == 1 else f", {self.share} of it averaged with the start")

    def restore(self) -> None:
        """Put the best weights back into the encoder and score them again.

        Raises ModelError when their file cannot be read or is another encoder's, and unless they score the same:
        the same to the bit, or to TOLERANCE where the process before the run was resumed had kept them, or shards were
        scored.
        """
        weights = self._read(self._path)
        try:
            self.encoder.load_state_dict(weights)
        except RuntimeError as error:  # for other names or shapes
            raise self._unusable(self._path, error) from error
        # where they were scored: after the fit Lightning has moved them to the CPU
        found = self.score(self.encoder.to(self.device)).figures.get(self.main, float("nan"))
        if self.best is None or not abs(found - self.best) <= (0.0 if self.kept_here else TOLERANCE):
            raise ModelError(
                f"{self._path}: these weights score {self.main} {found}, but {self.best} when step {self.best_step} "
                f"was scored: they are not the ones that were kept. Delete {self.folder}/ and train again"
            )

    def prune(self) -> None:
        """Remove weights that were best once: call it when a checkpoint that knows the best has been written."""
        for path in self.folder.glob("best-*.safetensors"):
            if path != self._path:
                path.unlink()

    @property
    def _path(self) -> Path:
        averaged = "-ema" if self.kept_ema else "-soup" * self.kept_soup + f"-{self.share}" * (self.share < 1)
        return self.folder / f"best-{self.best_step}{averaged}.safetensors"

    def _read(self, path: Path) -> dict[str, Tensor]:
        try:
            return load_file(path)
        except (OSError, SafetensorError) as error:
            raise self._unusable(path, error) from error

    def _unusable(self, path: Path, error: Exception) -> ModelError:
        return ModelError(f"{path}: {words_of(error)}; delete {self.folder}/ and train again")

    def _scored(self, trainer: Trainer) -> tuple[float, Floats]:
        found = trainer.strategy.broadcast(
            self.score(self.encoder) if trainer.is_global_zero or self.encoder.sharded else Scored({}, self.start)
        )
        self.tell(trainer, found.figures)
        if self.main not in found.figures:
            raise ModelError(self._undefined(trainer.global_step))
        return found.figures[self.main], found.outcome

    def _undefined(self, step: int) -> str:
        when = f"after step {step}" if step else "at the start"
        remedy = (
            f"lower train.lr or train.clip, raise train.warmup or choose another train.precision, and delete "
            f"{self.folder}/"
            if step
            else "choose another model.backbone or model.pooling"
        )
        return (
            f"evaluate.main_score: {self.main} is undefined {when}: the model gives every pair one score, or vectors "
            f"that are not finite; {remedy}"
        )

    def _better(self, trainer: Trainer, found: float, outcome: Floats) -> None:
        self.best, self.best_step, self.kept = found, trainer.global_step, outcome
        self.waited, self.kept_here = 0, not self.encoder.sharded
        weights = whole_weights(self.encoder)
        if trainer.is_global_zero:
            keep(weights, self._path)


def keep(weights: Weights, path: Path) -> None:
    """Write an encoder's weights to `path`, whole or not at all."""
    kept: dict[str, Tensor] = {}
    for name, value in weights.items():
        found = value.detach().cpu().contiguous()
        # T5's embeddings are one tensor under two names, which safetensors refuses
        tied = any(found.data_ptr() == other.data_ptr() for other in kept.values())
        kept[name] = found.clone() if tied else found
    with replacing(path) as beside:
        save_file(kept, beside)


def benchmark_score(benchmark: Evaluator, main: str) -> Score:
    """A function that scores an encoder on a benchmark: all its figures, as far as they are defined.

    main: the figure whose outcome is kept; of a ranking there are those under its similarity alone. Of vectors that are
    not finite no figure is defined.
    """
    measure = main.partition("_")[0]
    measures = benchmark.measures(measure)

    def score(encoder: Encoder) -> Scored:
        vectors = encoded(encoder.encode, encoder.usage.sides, benchmark)
        if not np.isfinite(vectors).all():
            return Scored({}, np.zeros(0))
        found = benchmark.outcomes(vectors, measures)
        outcomes = benchmark.concluded({benchmark.name: found})
        every = figures(benchmark.metric, outcomes)
        defined = {name: value for name, value in every.items() if value is not None}
        return Scored(defined, np.asarray(outcomes[measure]))

    return score


def development_score(benchmark: Evaluator, table: TokenTable, main: str) -> Score:
    """As `benchmark_score`, and where `table` has held-out triplets `triplet_accuracy`.

    It is the share whose anchor is nearer its positive than its negative by cosine.
    """
    on_benchmark = benchmark_score(benchmark, main)

    def score(encoder: Encoder) -> Scored:
        found = on_benchmark(encoder)
        held_out = {"triplet_accuracy": _accuracy(encoder, table)} if len(table.dev) else {}
        return found._replace(figures=found.figures | held_out)

    return score


def _accuracy(encoder: Encoder, table: TokenTable) -> float:
    sentences, rows = np.unique(table.dev, return_inverse=True)
    ids, lengths = gather(table.ids, table.offsets, sentences)
    vectors = encoder.embed(ids, np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)]))
    anchors, positives, negatives = (vectors[column] for column in rows.reshape(table.dev.shape).T)
    nearer = pairwise(anchors, positives)["cosine"] > pairwise(anchors, negatives)["cosine"]
    return float(nearer.mean())
