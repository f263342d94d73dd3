"""The arguments of `python -m terna prove`."""

import argparse
from pathlib import Path

# those of the graph that can be run again; what terna.release.lineage has, which takes seconds to import
STAGES = ("parallel", "translate", "triplets", "mine", "tokens", "teacher", "train", "evaluate")


def add_prove(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command `prove`."""
    prove = commands.add_parser(
        "prove",
        help="prove what a release states",
        description="Checks a release from its own files, in a clone of the project at the release's commit. Downloads "
        "the raw files again (TERNA_MIRROR counts), compares every digest of the chain, runs stages again and compares "
        "what they write, scores the released weights and fills the card again. Prints a line for each thing: proved, "
        "differs, or taken on trust. The exit status is 1 if anything differs.",
    )
    prove.add_argument(
        "release", help="release/, release/encoder/, a copy of its repository on the hub, or owner/name@revision"
    )
    prove.add_argument(
        "--stage",
        action="append",
        default=[],
        choices=STAGES,
        help="also run this stage again, in addition to those that load no model but the released one; repeatable",
    )
    prove.add_argument("--all", action="store_true", help="run all stages again, including the training")
    prove.add_argument(
        "--scratch",
        type=Path,
        metavar="FOLDER",
        help="new or empty folder outside the project for what is fetched and computed; kept (default: temporary)",
    )
    prove.add_argument(
        "--public-key", type=Path, metavar="FILE", help="public key in PEM that verifies the signature, model.sig"
    )
    prove.add_argument("--json", action="store_true", help="print one JSON object at the end instead of lines")
