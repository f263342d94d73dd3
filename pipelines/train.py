"""Train the encoder and keep the weights that score best on the development benchmark.

reads   data/tokens/, data/teacher/, data/raw/sts/<evaluate.select_on>/
does    ranking loss over duplicate-free batches under a warmup-linear schedule, or with train.distill the distance to
        the teacher's vectors of translated sentences; a run that was stopped resumes
        from its checkpoint in checkpoints/ and ends in the same bytes
writes  models/encoder/, models/made.json, metrics/train.json, plots/{loss,lr,development}.csv,
        logs/ (csv; W&B, TensorBoard, MLflow by choice)

With `-m` or `hydra.run.dir=…` in a folder of the run's own: python pipelines/train.py -m train.lr=1e-3,1e-4
"""

import logging
import time
import warnings
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from terna import provenance
from terna.data.corpora import read_sts
from terna.data.token_table import TokenTable
from terna.records import write_json
from terna.running.stage import sweepable
from terna.settings import Settings
from terna.training import resume

if TYPE_CHECKING:
    from pytorch_lightning import Trainer

    from terna.encoder import Encoder
    from terna.training.datamodule import TranslationDataModule, TripletDataModule
    from terna.training.selection import Selection

LOGS = Path("logs")
TOKENS = Path("data/tokens")
TEACHER = Path("data/teacher")
RAW = Path("data/raw/sts")
OUT = Path("models/encoder")
MADE = Path("models/made.json")
# no output of the stage: DVC would remove it before the run that is to resume from it
CHECKPOINTS = Path("checkpoints")


@sweepable("data")
def main(settings: Settings) -> None:
    # Lightning and transformers take seconds to import: what can fail before them has failed.
    import pytorch_lightning as lightning

    from terna.encoder import save
    from terna.tracking import loggers
    from terna.training import setup
    from terna.training.adapters import merge
    from terna.training.callbacks import Recorder
    from terna.training.module import DistillationModule, RankingModule
    from terna.training.trainer import build_trainer, fit, steps_done

    chosen = settings.evaluate.select_on
    declared = settings.evaluate.benchmarks[chosen]
    scored = [RAW / chosen / file.name for file in declared.files]
    benchmark = read_sts(chosen, declared, RAW / chosen)
    table = TokenTable.load(TOKENS)
    checkpoint = resume.claim(CHECKPOINTS, identity(settings, scored))
    quiet()
    lightning.seed_everything(settings.seed, verbose=False)
    encoder = setup.encoder_of(settings, TOKENS)
    datamodule = setup.datamodule_of(settings, table, encoder, tokens=TOKENS, teacher=TEACHER)
    recorder = Recorder(setup.whereabouts(datamodule, CHECKPOINTS))
    selection = setup.selection_of(settings, encoder, benchmark, table, recorder, CHECKPOINTS)
    trainer = build_trainer(settings, recorder, selection, CHECKPOINTS / resume.CHECKPOINT, LOGS)
    kind = DistillationModule if settings.train.distill else RankingModule
    module = kind(encoder, settings.train, sum(datamodule.steps), settings.seed)
    start, first = time.perf_counter(), steps_done(checkpoint)
    fit(trainer, module, datamodule, checkpoint)
    seconds = time.perf_counter() - start
    if not trainer.is_global_zero:
        return
    selection.restore()
    if settings.train.lora:
        merge(encoder)
    save(encoder.cpu(), OUT)
    result = record(settings, datamodule, selection, trainer, trainer.global_step - first, seconds)
    write_json({**result, "backbone_commit": revision(encoder)}, Path("metrics/train.json"))
    recorder.curves.write(Path("plots"))
    # metrics/train.json holds times, which no two runs share: what it measured is no link
    provenance.record("train", [TOKENS, TEACHER, *scored], [OUT], MADE)
    resume.release(CHECKPOINTS)
    loggers.conclude(trainer.loggers, settings, result, LOGS, MADE)


def identity(settings: Settings, scored: list[Path]) -> dict[str, Any]:
    """All that the run's outcome depends on: settings, data, and the packages that compute."""
    plain = asdict(settings)
    return {
        **{name: plain[name] for name in ("seed", "model", "train")},
        "evaluate": {name: plain["evaluate"][name] for name in ("select_on", "main_score")},
        "data": provenance.digests([TOKENS, TEACHER, *scored]),
        "packages": {name: version(name) for name in ("torch", "transformers", "pytorch-lightning")},
    }


def quiet() -> None:
    """Leave out what Lightning and transformers say that is no news here."""
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # type: ignore[no-untyped-call]  # of loading and saving weights, which takes no time; those of downloads stay
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", message=".*does not have many workers")  # batches are gathered arrays
    warnings.filterwarnings("ignore", message=".isinstance.treespec, LeafSpec")  # Lightning's own


def record(
    settings: Settings,
    datamodule: "TripletDataModule | TranslationDataModule",
    selection: "Selection",
    trainer: "Trainer",
    steps: int,
    seconds: float,
) -> dict[str, Any]:
    """What metrics/train.json tells of the run; steps and seconds are those since it last resumed."""
    from terna.training.trainer import peak_memory

    ranked = datamodule.batch_size if settings.train.gather else datamodule.batch_size // trainer.world_size
    negatives = {} if settings.train.distill else {"negatives_per_anchor": 2 * ranked - 1}
    return {
        datamodule.unit: datamodule.count,
        "batch_size": datamodule.batch_size,
        **negatives,
        "epochs": settings.train.epochs,
        "steps": trainer.global_step,
        "steps_per_epoch": datamodule.steps,
        f"{datamodule.unit}_left_out_per_epoch": datamodule.left_out,
        f"{datamodule.unit}_per_second": round(steps * datamodule.batch_size / seconds, 2),
        "seconds": round(seconds, 1),
        "peak_memory_mb": round(peak_memory(trainer) / 2**20),
        "selected_step": selection.best_step,
        "selected_on": f"{settings.evaluate.select_on} {settings.evaluate.main_score}",
        "selected_score": selection.best,
    }


def revision(encoder: "Encoder") -> str | None:
    """The hub's commit that the backbone was loaded from; None for what is not on the hub."""
    return getattr(encoder.backbone.config, "_commit_hash", None)


if __name__ == "__main__":
    main()
