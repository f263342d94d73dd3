"""What choosing on the test set adds: the published protocol step by step, beside a choice on development data.

    TERNA_MIRROR=/path/to/files python benchmarks/replication.py [--epochs 10] [--heads mean cls …]

MiniLM on ESXNLI, four heads (mean or first token, with and without a Dense head of 512 and tanh), ten epochs each with
the published settings. As in the published run the epoch, and then the head, is chosen by the sum of the eight figures
on STS-2015-es; beside it the same choice by the same sum on STS-2014-es, scored on STS-2015-es once. The same again by
the cosine's Pearson alone. Epochs are added to benchmarks/out/replication.json head by head; heads that are there are
not run again.
"""

import argparse
import json
from typing import Any

from project import prepared
from pytorch_lightning import Callback
from scores import BENCHMARKS, trained
from workload import OUT, composed, scored

from terna.data.evaluators import Similarity
from terna.encoder import Encoder
from terna.records import write_json
from terna.training.selection import development_score
from terna.training.setup import Run

RUNS = OUT / "replication.json"
DENSE = "model.dense={out_features:512,activation:tanh}"
HEADS: dict[str, tuple[str, ...]] = {
    "mean, Dense": (DENSE,),
    "cls, Dense": ("model.pooling=cls", DENSE),
    "mean": (),
    "cls": ("model.pooling=cls",),
}
Epochs = list[dict[str, dict[str, float]]]


class Scorings(Callback):
    """The figures on both benchmarks after each epoch."""

    def __init__(self, encoder: Encoder, scores: dict[str, Any]) -> None:
        self.encoder = encoder
        self.scores = scores
        self.epochs: Epochs = []

    def on_train_epoch_end(self, *_: object) -> None:
        self.epochs.append({name: score(self.encoder).figures for name, score in self.scores.items()})
        print(total(self.epochs[-1], BENCHMARKS[1]), flush=True)


def epochs_of(head: str, epochs: int) -> Epochs:
    """Train a head."""
    settings = composed("experiment=minilm_replication", f"train.epochs={epochs}", *HEADS[head])
    tables = {name: scored(settings, name) for name in BENCHMARKS}
    inputs, kept = prepared(settings), []

    def watch(run: Run) -> list[Callback]:
        scores = {
            name: development_score(Similarity(name, each), inputs.table, settings.evaluate.main_score)
            for name, each in tables.items()
        }
        kept.append(Scorings(run.encoder, scores))
        return kept

    trained(settings, inputs, watch)
    return kept[0].epochs


def total(epoch: dict[str, dict[str, float]], benchmark: str) -> float:
    """The sum of the eight figures."""
    return sum(value for name, value in epoch[benchmark].items() if name != "triplet_accuracy")


def cosine(epoch: dict[str, dict[str, float]], benchmark: str) -> float:
    """Pearson of the cosine."""
    return epoch[benchmark]["cosine_pearson"]


def table_of(runs: dict[str, Epochs]) -> str:
    """What either choice gives on the test set, for each head and over all heads, in Markdown; of equals the first."""
    development, test = BENCHMARKS
    heading = " | ".join(f"chosen on {on}: epoch | its figure on {test}" for on in (test, development))
    lines = [f"| by | head | {heading} |", "|---|---|--:|--:|--:|--:|"]
    for label, measure in (("sum", total), ("cosine", cosine)):
        for name in [*runs, "of all"]:
            cells = []
            for on in (test, development):
                every = [(head, epoch) for head in runs if name in (head, "of all") for epoch in range(len(runs[head]))]
                head, epoch = max(every, key=lambda at: measure(runs[at[0]][at[1]], on))
                figures = runs[head][epoch][test]
                cells.append(f"{epoch + 1}" if name == head else f"{head}, {epoch + 1}")
                cells.append(f"{figures['cosine_pearson']:.4f} / {figures['cosine_spearman']:.4f}")
            lines.append(f"| {label} | {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Run what is not there yet, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--heads", nargs="+", choices=HEADS, default=list(HEADS))
    asked = parser.parse_args()
    for head in asked.heads:
        runs = json.loads(RUNS.read_text()) if RUNS.is_file() else {}
        if head not in runs:
            write_json(runs | {head: epochs_of(head, asked.epochs)}, RUNS)
    print(table_of(json.loads(RUNS.read_text())))


if __name__ == "__main__":
    main()
