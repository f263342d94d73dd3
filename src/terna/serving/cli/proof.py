"""What `python -m terna prove` prints."""

import tempfile
from argparse import Namespace
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from terna.errors import DataError
from terna.records import json_text
from terna.release.prove import DIFFERS, PROVED, TRUSTED, Finding
from terna.release.prove import prove as findings_of
from terna.serving.cli.proof_arguments import STAGES
from terna.serving.cli.streams import standard_output


def prove(asked: Namespace) -> None:
    """Each finding on standard output as it comes, or all of them as JSON; DataError where anything differs."""
    found: list[Finding] = []
    with _folder(asked.scratch) as scratch, standard_output():
        for one in findings_of(asked.release, scratch, STAGES if asked.all else asked.stage, asked.public_key):
            found.append(one)
            if not asked.json:
                print(one, flush=True)
        counts = Counter(one.verdict for one in found)
        if asked.json:
            numbers = {verdict: counts[verdict] for verdict in (PROVED, DIFFERS, TRUSTED)}
            print(json_text({"release": asked.release, **numbers, "findings": [asdict(one) for one in found]}), end="")
        else:
            print(f"{asked.release}: " + ", ".join(f"{counts[name]} {name}" for name in (PROVED, DIFFERS, TRUSTED)))
    if counts[DIFFERS]:
        raise DataError(f"{asked.release}: {counts[DIFFERS]} of {len(found)} things differ; the lines above name them")


@contextmanager
def _folder(asked: Path | None) -> Iterator[Path]:
    """The folder that was named, or one that goes away."""
    if asked:
        yield asked
        return
    with tempfile.TemporaryDirectory(prefix="terna-prove-") as folder:
        yield Path(folder)
