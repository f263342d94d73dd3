"""What the training options are worth on the development set, each by itself and over the same seeds.

    TERNA_MIRROR=/path/to/files python benchmarks/options.py [--seeds 3] [--only NAME …]

MiniLM on ESXNLI with the settings of experiment=minilm_esxnli, one epoch; `weights` on ESXNLI and XNLI's Spanish rows,
beside a run of its own without them. The weights after the last step are scored on STS-2014-es: no test set is opened.
Runs are added to benchmarks/out/options.json one by one; those that are there are not run again.
"""

import argparse
import json
import statistics
from dataclasses import replace

from project import FOLDER, prepared
from scores import score, trained
from workload import OUT, composed

from terna.records import write_json
from terna.settings import Settings
from terna.training.setup import Inputs

RUNS = OUT / "options.json"
DEVELOPMENT = "sts2014-es"
SMALL, LARGE = "experiment=minilm_esxnli", "experiment=minilm_es"
# a rate for adapters, which start from zero and are few, as Hu et al. choose it: some ten times that for all weights
LORA = ("train.lora={rank:16,alpha:32,dropout:0.05}", "train.lr=5e-4")
OPTIONS: dict[str, tuple[str, ...]] = {
    "plain": (SMALL,),
    "known_positives": (SMALL, "train.known_positives=true"),
    "symmetric": (SMALL, "train.symmetric=true"),
    "matryoshka": (SMALL, "train.matryoshka=[96,192,384]"),
    "layer_decay": (SMALL, "train.layer_decay=0.9"),
    "lora": (SMALL, *LORA),
    "both corpora": (LARGE,),
    "weights": (LARGE, "+train.weights.esxnli=2.0", "+train.weights.xnli=0.5"),
}


def run(settings: Settings, inputs: Inputs, seed: int) -> dict[str, float]:
    """The development figures after one epoch."""
    settings = replace(settings, seed=seed)
    return score(trained(settings, inputs), settings, (DEVELOPMENT,))[DEVELOPMENT]


def table_of(runs: dict[str, dict[str, float]]) -> str:
    """Mean and spread of each option over its seeds, in Markdown."""
    lines = [f"| option | seeds | Pearson on {DEVELOPMENT} | Spearman |", "|---|--:|--:|--:|"]
    for name in OPTIONS:
        own = [found for key, found in runs.items() if key.startswith(f"{name}/")]
        if own:
            values = [[found[f"cosine_{kind}"] for found in own] for kind in ("pearson", "spearman")]
            cells = [f"{statistics.mean(each):.4f} ({min(each):.4f} to {max(each):.4f})" for each in values]
            lines.append(f"| {name} | {len(own)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Run what is not there yet, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=OPTIONS, default=list(OPTIONS))
    asked = parser.parse_args()
    settings = {name: composed(*OPTIONS[name], "train.epochs=1") for name in asked.only}  # all, before hours of runs
    # all that an option changes is in train: the stages before it need to know the experiment alone
    experiments = {OPTIONS[name][0] for name in asked.only}
    inputs = {each: prepared(composed(each), FOLDER / each.partition("=")[2]) for each in sorted(experiments)}
    for seed in range(1, asked.seeds + 1):
        for name in asked.only:
            runs = json.loads(RUNS.read_text()) if RUNS.is_file() else {}
            if f"{name}/{seed}" not in runs:
                write_json(runs | {f"{name}/{seed}": run(settings[name], inputs[OPTIONS[name][0]], seed)}, RUNS)
    print(table_of(json.loads(RUNS.read_text())))


if __name__ == "__main__":
    main()
