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
import pyarrow as pa
from project import FOLDER, prepared
from pytorch_lightning import Callback
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer, SentenceTransformerTrainingArguments
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss
from workload import OUT, composed, neighbour, scored

from terna.encoder import Encoder
from terna.metrics.correlations import figures
from terna.metrics.similarity import pairwise
from terna.records import TEXTS, TRIPLETS, read_table, write_json
from terna.running.process import settle
from terna.settings import Settings
from terna.training.setup import Inputs, Run, build_run, finished
from terna.training.trainer import build_trainer, fit

BENCHMARKS = ("sts2014-es", "sts2015-es")
RUNS = OUT / "scores.json"
Watch = Callable[[Run], list[Callback]]


def trained(settings: Settings, inputs: Inputs, watch: Watch = lambda _: []) -> Encoder:
    """Our encoder after the last step, trained as pipelines/train.py does; watch: makes callbacks for the run."""
    settle()  # as every stage does
    run = build_run(settings, inputs)
    fit(build_trainer(settings, watch(run)), run)
    return finished(settings, run)


def theirs(settings: Settings, triplets: pa.Table) -> SentenceTransformer:
    """The neighbour's after the last step; triplets: a TRIPLETS table."""
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
            train_dataset=datasets.Dataset(triplets.select(list(TEXTS))),
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
    inputs = prepared(settings)
    triplets = read_table(FOLDER / "data" / "triplets" / "train.parquet", TRIPLETS)
    plan = [(way, seed) for seed in range(1, asked.seeds + 1) for way in ("packed", "padded")]
    plan.insert(2, ("sentence-transformers", 1))
    for way, seed in plan:
        runs = json.loads(RUNS.read_text()) if RUNS.is_file() else {}
        if f"{way}/{seed}" in runs:
            continue
        own = replace(settings, seed=seed, train=replace(settings.train, packed=way == "packed"))
        encoder = theirs(own, triplets) if way == "sentence-transformers" else trained(own, inputs)
        write_json(runs | {f"{way}/{seed}": score(encoder, own)}, RUNS)
    print(table_of(json.loads(RUNS.read_text())))


if __name__ == "__main__":
    main()
