"""Whether the way of computing changes what comes out: scores after training packed, padded, and by the neighbour.

    TERNA_MIRROR=/path/to/files python benchmarks/scores.py [--seeds 3] [--epochs 1]

MiniLM on ESXNLI and XNLI's Spanish rows with the settings of experiment=minilm_es. The weights after the last step are
scored on STS-2014-es and STS-2015-es: nothing is chosen. The neighbour is sentence-transformers' trainer, on the same
triplets with the same settings, with its duplicate-free sampler. Runs are added to benchmarks/out/scores.json one by
one; those that are there are not run again.
"""

import argparse
import json
import statistics
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import datasets
import numpy as np
import pytorch_lightning as lightning
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer, SentenceTransformerTrainingArguments
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss
from workload import OUT, composed, neighbour, scored, split_of

from terna.data.token_table import TokenTable, build, corpora
from terna.data.triplets import Split
from terna.encoder import Encoder, build_encoder, load_tokenizer
from terna.metrics.correlations import figures
from terna.metrics.similarity import pairwise
from terna.records import TEXTS, write_json
from terna.running.process import settle
from terna.settings import Settings
from terna.training.adapters import adapt, merge
from terna.training.datamodule import TripletDataModule
from terna.training.module import RankingModule

BENCHMARKS = ("sts2014-es", "sts2015-es")
RUNS = OUT / "scores.json"
Watch = Callable[[Encoder, TokenTable], lightning.Callback]


def trained(settings: Settings, split: Split, watch: Watch | None = None) -> Encoder:
    """Our encoder after the last step; watch: makes a callback for the run."""
    settle()  # as every stage does
    options = settings.train
    lightning.seed_everything(settings.seed, verbose=False)
    tokenizer = load_tokenizer(settings.model, [])
    encoder = build_encoder(settings.model, tokenizer, packed=options.packed)
    if options.lora:
        adapt(encoder, options.lora)
    table = build(split.train, split.dev, split.positives, tokenizer, settings.model.max_length)
    datamodule = TripletDataModule(
        table,
        encoder.arrange,
        batch_size=options.batch_size,
        epochs=options.epochs,
        seed=settings.seed,
        weights=[options.weights.get(name, 1.0) for name in corpora(split.train)],
        known_positives=options.known_positives,
    )
    trainer = lightning.Trainer(
        accelerator="cpu",
        callbacks=[watch(encoder, table)] if watch else None,
        max_epochs=options.epochs,
        gradient_clip_val=options.clip,
        logger=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        reload_dataloaders_every_n_epochs=1,
        use_distributed_sampler=False,
    )
    trainer.fit(RankingModule(encoder, options, sum(datamodule.steps), settings.seed), datamodule)
    if options.lora:
        merge(encoder)
    return encoder


def theirs(settings: Settings, split: Split) -> SentenceTransformer:
    """The neighbour's after the last step."""
    options, model = settings.train, neighbour(settings)
    with tempfile.TemporaryDirectory() as folder:
        arguments = SentenceTransformerTrainingArguments(
            output_dir=folder,
            num_train_epochs=options.epochs,
            per_device_train_batch_size=options.batch_size,
            learning_rate=options.lr,
            warmup_steps=options.warmup,
            weight_decay=options.weight_decay,
            adam_epsilon=options.eps,
            max_grad_norm=options.clip,
            batch_sampler="no_duplicates",
            dataloader_drop_last=True,
            seed=settings.seed,
            use_cpu=True,
            save_strategy="no",
            report_to="none",
            logging_steps=10,
        )
        SentenceTransformerTrainer(
            model=model,
            args=arguments,
            train_dataset=datasets.Dataset(split.train.select(list(TEXTS))),
            loss=MultipleNegativesRankingLoss(model, scale=options.scale),
        ).train()
    return model


def score(encoder: Any, settings: Settings, benchmarks: Sequence[str] = BENCHMARKS) -> dict[str, dict[str, float]]:
    """Pearson and Spearman of the cosine on each benchmark."""
    found = {}
    for name in benchmarks:
        table = scored(settings, name)
        first, second = (np.asarray(encoder.encode(table[side].to_pylist())) for side in ("sentence1", "sentence2"))
        every = figures(pairwise(first, second), table["gold"].to_numpy())
        found[name] = {key: every[key] for key in ("cosine_pearson", "cosine_spearman")}
    return found


def table_of(runs: dict[str, Any]) -> str:
    """Mean and spread of each system over its seeds, in Markdown."""
    lines = ["| system | seeds | " + " | ".join(BENCHMARKS) + " |", "|---|--:|" + "--:|" * len(BENCHMARKS)]
    for system in dict.fromkeys(key.partition("/")[0] for key in runs):
        own = [run for key, run in runs.items() if key.startswith(f"{system}/")]
        cells = []
        for name in BENCHMARKS:
            parts = []
            for figure in ("cosine_pearson", "cosine_spearman"):
                values = [run[name][figure] for run in own]
                parts.append(f"{statistics.mean(values):.4f} ({min(values):.4f} to {max(values):.4f})")
            cells.append(" / ".join(parts))
        lines.append(f"| {system} | {len(own)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Run what is not there yet, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3, help="runs of each of our two ways (3); the neighbour has one")
    parser.add_argument("--epochs", type=int, default=1)
    asked = parser.parse_args()
    settings = composed("experiment=minilm_es", f"train.epochs={asked.epochs}")
    split = split_of(settings)
    plan = [(way, seed) for seed in range(1, asked.seeds + 1) for way in ("packed", "padded")]
    plan.insert(2, ("sentence-transformers", 1))
    for way, seed in plan:
        runs = json.loads(RUNS.read_text()) if RUNS.is_file() else {}
        if f"{way}/{seed}" in runs:
            continue
        own = replace(settings, seed=seed, train=replace(settings.train, packed=way == "packed"))
        encoder = theirs(own, split) if way == "sentence-transformers" else trained(own, split)
        write_json(runs | {f"{way}/{seed}": score(encoder, own)}, RUNS)
    print(table_of(json.loads(RUNS.read_text())))


if __name__ == "__main__":
    main()
