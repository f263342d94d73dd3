"""The arguments of `python -m terna plan`."""

import argparse
from collections.abc import Callable
from pathlib import Path

from terna.metrics.similarity import SIMILARITIES


def add_plan(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", count: Callable[[str], int]) -> None:
    """Add the command `plan`; count: reads a whole number from 1."""
    plan = commands.add_parser(
        "plan",
        help="tell which differences a benchmark can show",
        description="Reads predictions on record and prints, for each benchmark and other system, the smallest "
        "difference of scores that the benchmark can show: with 80 % power, by the paired bootstrap, two-sided at .05. "
        "With --difference, it also prints the power at that difference, whether it can be shown, and how many "
        "distinct pairs or queries and how many runs it takes.",
    )
    plan.add_argument(
        "tables",
        nargs="*",
        type=Path,
        metavar="TABLE",
        help="predictions/<benchmark>.parquet; default: all in predictions/",
    )
    plan.add_argument(
        "--against",
        type=Path,
        metavar="TABLE",
        help="the predictions of another trained model on the pairs of one TABLE, to compare with that model alone",
    )
    plan.add_argument("--difference", type=_share, metavar="D", help="a difference of scores, such as 0.02")
    plan.add_argument("--measure", choices=SIMILARITIES, default="cosine", help="the similarity (cosine)")
    seeds = plan.add_mutually_exclusive_group()
    seeds.add_argument("--seeds", type=Path, metavar="FILE", help="seeds/<settings>.json, which make seeds wrote")
    seeds.add_argument(
        "--seed-sd", type=_share, metavar="SD", help="standard deviation of the score of one run over the seeds"
    )
    plan.add_argument(
        "--runs", type=count, default=1, metavar="K", help="runs of each trained system, with --seeds or --seed-sd (1)"
    )


def _share(word: str) -> float:
    try:
        value = float(word)
    except ValueError:
        value = 0.0
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{word}: a number between 0 and 1 is needed, such as 0.02")
    return value
