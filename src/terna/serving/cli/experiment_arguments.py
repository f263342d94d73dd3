"""The arguments of `python -m terna new`."""

import argparse
from pathlib import Path

from terna.settings.declaration import FIELDS


def add_new(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command `new`."""
    new = commands.add_parser(
        "new",
        help="begin an experiment on your own files",
        description="Reads CSV, TSV, JSON lines, Parquet and text files, prints what it takes each for, and writes "
        "conf/experiment/NAME.yaml and conf/corpora/NAME.yaml in the project's folder. It asks no questions, and "
        "overwrites only with --force. If one of several files has scores, or labels 1 and 0, it is used for scoring.",
    )
    new.add_argument("files", nargs="+", type=Path, metavar="FILE", help="files to train on, or a folder of texts")
    new.add_argument(
        "--test",
        nargs="+",
        type=Path,
        default=[],
        metavar="FILE",
        help="files to score on: scored pairs, pairs labelled 1 or 0, or a search (query and document; or three files: "
        "documents, queries and relevance)",
    )
    new.add_argument(
        "--dev",
        nargs=1,
        type=Path,
        default=[],
        metavar="FILE",
        help="file that selects the checkpoint (default: half of the test file)",
    )
    new.add_argument(
        "--shape",
        nargs="+",
        action="append",
        default=[],
        metavar="WORD",
        help=f"[FILE] and what its rows are: {', '.join([*FIELDS, 'ranking'])}",
    )
    new.add_argument(
        "--columns",
        nargs="+",
        action="append",
        default=[],
        metavar="WORD",
        help="[FILE] and FIELD=COLUMN, such as anchor=question; in a CSV without a header, the column's number from 0",
    )
    new.add_argument(
        "--labels",
        nargs="+",
        action="append",
        default=[],
        metavar="WORD",
        help="[FILE] and WORD=MEANING: for NLI entailment, neutral, contradiction, or null to exclude the rows; for "
        "pairs of sentences 1 for the same meaning, 0 for another",
    )
    new.add_argument("--name", help="name of the experiment (default: the name of the first file)")
    new.add_argument(
        "--model",
        default="minilm",
        help="an option of conf/model/, a folder, pkg:module/path or owner/name@revision (minilm)",
    )
    new.add_argument("--force", action="store_true", help="overwrite files that this command wrote before")
