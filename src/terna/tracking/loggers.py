"""Where curves go: CSV always; Weights & Biases, TensorBoard and MLflow by choice."""

import logging
import os
import re
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import CSVLogger, Logger, MLFlowLogger, TensorBoardLogger, WandbLogger
from pytorch_lightning.utilities import rank_zero_only

from terna import tracking
from terna.errors import ModelError
from terna.settings import Settings, published

# how far a log is behind its run, which is what a kill costs it: steps of the CSV file, seconds of the others
FLUSH_STEPS, FLUSH_SECONDS = 10, 5
# values that MLflow is given together at most
BATCH = 50
# the axis that W&B's curves are drawn over
STEP = "trainer/global_step"

log = logging.getLogger(__name__)


def build(settings: Settings, folder: Path) -> list[Logger]:
    """The loggers of a run: new CSV files in folder/csv, and those that settings.logger asks for.

    Of several processes only the first has the latter. Raises ModelError when a package is missing.
    """
    shutil.rmtree(folder / "csv", ignore_errors=True)
    loggers: list[Logger] = [CSVLogger(folder, name="csv", version="", flush_logs_every_n_steps=FLUSH_STEPS)]
    chosen = settings.logger
    if getattr(rank_zero_only, "rank", 0):
        return loggers
    (folder / tracking.KEPT).unlink(missing_ok=True)
    if chosen.tensorboard:
        loggers.append(_tensorboard(settings, folder))
    if chosen.mlflow:
        loggers.append(_mlflow(settings, folder))
    if tracking.wanted(settings):
        loggers.append(Spared(tracking.start(settings, folder)))
    return loggers


def conclude(loggers: list[Logger], settings: Settings, result: Mapping[str, Any], folder: Path, made: Path) -> None:
    """Tell the loggers how the run ended, and close them.

    result: the content of metrics/train.json. folder: of the logs. made: the record of what was trained.
    """
    score = {"selected_score": float(result["selected_score"])}
    for logger in loggers:
        if isinstance(logger, TensorBoardLogger):
            logger.log_hyperparams(asdict(published(settings)), score)
            logger.finalize("success")
        elif isinstance(logger, MLFlowLogger):
            logger.log_metrics(score, int(result["selected_step"]))
            logger.finalize("success")
        elif isinstance(logger, Spared):
            logger.conclude(dict(result))
            tracking.remember(logger.experiment.id, folder, made)


class Spared(WandbLogger):
    """W&B's logger, except that a run continues without W&B if W&B's processes fail.

    With a key the record is sent while it is written.
    """

    def __init__(self, run: Any) -> None:
        super().__init__(experiment=run)
        self.lost = False
        run.define_metric(STEP)
        run.define_metric("*", step_metric=STEP, step_sync=True)
        self.folder = Path(run.dir).parent
        self.sending = tracking.Sending(self.folder) if tracking.is_online() else None

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Log a row."""
        self.tell(lambda run: run.log({**metrics, STEP: step}))

    def conclude(self, result: Mapping[str, Any]) -> None:
        """Put the result into the summary, close the run, and say where it can be looked at."""
        self.tell(lambda run: run.summary.update(result))
        self.tell(tracking.close)
        if self.sending and self.sending.end():
            log.warning("Weights & Biases: %s", self.sending.address())
        else:
            log.warning(tracking.later([self.folder]))

    def tell(self, what: Callable[[Any], object]) -> None:
        """Do something with W&B's run, unless W&B is lost.

        Any exception will do: when its process dies W&B raises its own, an OSError, or one of asyncio's.
        """
        if self.lost:
            return
        try:
            what(self.experiment)
        except Exception as error:
            self.lost = True
            log.warning("Weights & Biases is lost (%r); the run continues, and its CSV files have everything", error)


class Batched(MLFlowLogger):
    """MLflow's logger, but with a transaction of its database for many rows, instead of one a row."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.waiting: list[Any] = []
        self.flushed = time.monotonic()

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Keep a row; write what has gathered when it is time."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        self.waiting += [Metric(key, value, now, step or 0) for key, value in metrics.items()]
        if len(self.waiting) >= BATCH or time.monotonic() - self.flushed >= FLUSH_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write what has gathered."""
        if self.waiting:
            self.experiment.log_batch(self.run_id, metrics=self.waiting)
            self.waiting, self.flushed = [], time.monotonic()

    def finalize(self, status: str = "success") -> None:
        """Write the rest and close the run."""
        self.flush()
        super().finalize(status)


def _tensorboard(settings: Settings, folder: Path) -> Logger:
    place = folder / "tensorboard" / re.sub(r"[^\w.=,+/-]+", "_", tracking.run_name(settings)).strip("/.")
    shutil.rmtree(place, ignore_errors=True)  # two runs in one folder would be drawn as one curve
    try:
        logger = TensorBoardLogger(place, name="", version="", default_hp_metric=False, flush_secs=FLUSH_SECONDS)
    except ModuleNotFoundError as error:
        raise ModelError(f"logger.tensorboard: {error}; pip install -e '.[tensorboard]'") from error
    logger.log_hyperparams(asdict(published(settings)))
    return logger


def _mlflow(settings: Settings, folder: Path) -> Logger:
    chosen, folder = settings.logger, folder.resolve()
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    folder.mkdir(parents=True, exist_ok=True)
    tags = {"group": chosen.group} if chosen.group else {}
    try:
        logger = Batched(
            experiment_name=chosen.project,
            run_name=tracking.run_name(settings),
            tracking_uri=os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{folder / 'mlflow.db'}",
            tags=tags | dict.fromkeys(chosen.tags, ""),
            artifact_location=str(folder / "mlflow"),
        )
        logger.log_hyperparams(asdict(published(settings)))
    except ModuleNotFoundError as error:
        raise ModelError(f"logger.mlflow: {error}; pip install -e '.[mlflow]'") from error
    return logger
