"""Train the encoder and keep the weights that score best on the development benchmark.

reads   data/tokens/, data/raw/sts/<evaluate.select_on>/
does    ranking loss over duplicate-free batches under a warmup-linear schedule
writes  models/encoder/, models/made.json, metrics/train.json, plots/{loss,lr,development}.csv,
        logs/ (csv; wandb by choice)
"""

import logging
import resource
import time
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from terna import lineage
from terna.corpora import read_sts
from terna.curves import write_curves
from terna.launch import stage
from terna.records import write_json
from terna.settings import Settings
from terna.tokens import TokenTable

if TYPE_CHECKING:
    from pytorch_lightning import Trainer

    from terna.encoder import Encoder
    from terna.feed import Feed
    from terna.selection import Selection

LOGS = Path("logs")
TOKENS = Path("data/tokens")
RAW = Path("data/raw/sts")
OUT = Path("models/encoder")


@stage
def main(settings: Settings) -> None:
    # Lightning and transformers take seconds to import: what can fail before them has failed.
    import pytorch_lightning as lightning

    from terna import export
    from terna.feed import Feed
    from terna.learner import Learner

    chosen = settings.evaluate.select_on
    declared = settings.evaluate.benchmarks[chosen]
    benchmark = read_sts(chosen, declared, RAW / chosen)
    table = TokenTable.load(TOKENS)
    quiet()
    lightning.seed_everything(settings.seed, verbose=False)
    feed = Feed(table, batch_size=settings.train.batch_size, epochs=settings.train.epochs, seed=settings.seed)
    encoder = build(settings)
    selection = select(settings, encoder, benchmark, table)
    trainer = trainer_for(settings, selection)
    start = time.perf_counter()
    trainer.fit(Learner(encoder, settings.train, sum(feed.steps)), feed)
    selection.restore()
    export.save(encoder.cpu(), OUT)
    result = record(settings, feed, selection, trainer, time.perf_counter() - start)
    write_json({**result, "backbone_commit": revision(encoder)}, Path("metrics/train.json"))
    write_curves(LOGS / "csv" / "metrics.csv", Path("plots"))
    # metrics/train.json holds times, which no two runs share: what it measured is no link
    scored = [RAW / chosen / file.name for file in declared.files]
    lineage.record("train", [TOKENS, *scored], [OUT], OUT.parent / "made.json")


def quiet() -> None:
    """Leave out what Lightning and transformers say that is no news here."""
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # type: ignore[no-untyped-call]  # of loading and saving weights, which takes no time; those of downloads stay
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", message=".*does not have many workers")  # batches are gathered arrays
    warnings.filterwarnings("ignore", message=".isinstance.treespec, LeafSpec")  # Lightning's own


def build(settings: Settings) -> "Encoder":
    """The encoder with the tokenizer that the tokens were made with."""
    from transformers import AutoTokenizer

    from terna.encoder import build_encoder

    return build_encoder(settings.model, AutoTokenizer.from_pretrained(TOKENS / "tokenizer"))


def select(settings: Settings, encoder: "Encoder", benchmark: Any, table: TokenTable) -> "Selection":
    """What scores the development data and keeps the best weights."""
    from terna.selection import Selection, development_score

    return Selection(
        encoder,
        development_score(benchmark, table),
        main=settings.evaluate.main_score,
        path=LOGS / "best.safetensors",
        every=settings.train.score_every,
        patience=settings.train.patience,
    )


def trainer_for(settings: Settings, selection: "Selection") -> "Trainer":
    """Lightning's engine, deterministic, with our selection in place of its validation loop."""
    from pytorch_lightning import Trainer

    from terna import loggers

    return Trainer(
        accelerator=settings.machine.accelerator,
        devices=settings.machine.devices,
        precision=settings.train.precision,
        max_epochs=settings.train.epochs,
        gradient_clip_val=settings.train.clip or None,
        callbacks=[selection],
        logger=loggers.build(settings.logger, LOGS, name=settings.release.name, config=asdict(settings)),
        log_every_n_steps=1,
        reload_dataloaders_every_n_epochs=1,
        use_distributed_sampler=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=settings.machine.progress,
        deterministic=True,
    )


def record(
    settings: Settings, feed: "Feed", selection: "Selection", trainer: "Trainer", seconds: float
) -> dict[str, Any]:
    """What metrics/train.json tells of the run."""
    steps, available = trainer.global_step, len(feed.table.train)
    return {
        "triplets": available,
        "batch_size": feed.batch_size,
        "epochs": settings.train.epochs,
        "steps": steps,
        "steps_per_epoch": feed.steps,
        "triplets_left_out_per_epoch": [available - count * feed.batch_size for count in feed.steps],
        "triplets_per_second": round(steps * feed.batch_size / seconds, 2),
        "seconds": round(seconds, 1),
        "peak_memory_mb": round(peak_memory(trainer) / 2**20),
        "selected_step": selection.best_step,
        "selected_on": f"{settings.evaluate.select_on} {settings.evaluate.main_score}",
        "selected_score": selection.best,
    }


def revision(encoder: "Encoder") -> str | None:
    """The hub's commit that the backbone was loaded from; None for what is not on the hub."""
    return getattr(encoder.backbone.config, "_commit_hash", None)


def peak_memory(trainer: "Trainer") -> int:
    """Bytes: the accelerator's where there is one, else the process's."""
    import torch

    if trainer.strategy.root_device.type == "cuda":
        return torch.cuda.max_memory_allocated()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main()
