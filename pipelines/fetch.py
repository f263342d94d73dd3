"""Fetch the raw corpora.

reads   the addresses of each corpus and benchmark, or the mirror folder in TERNA_MIRROR
does    takes each file from the first place that has the right bytes
writes  data/raw/nli/<corpus>/, data/raw/sts/<benchmark>/: the files under their own names, and fetched.json
"""

import os
from pathlib import Path

from terna import download
from terna.launch import stage
from terna.records import write_json
from terna.settings import Corpus, Settings


@stage
def main(settings: Settings) -> None:
    chosen = settings.fetch.only
    for name, corpus in settings.corpora.items():
        if chosen in (None, name):
            fetch(corpus, Path("data/raw/nli") / name, settings.machine.progress)
    for name, benchmark in settings.evaluate.benchmarks.items():
        if chosen in (None, name):
            fetch(benchmark, Path("data/raw/sts") / name, settings.machine.progress)


def fetch(corpus: Corpus, folder: Path, progress: bool) -> None:
    """Fetch a corpus's files into `folder`; the record of them is written last, when all are there."""
    mirror = os.environ.get("TERNA_MIRROR")
    digests = {}
    for file in corpus.files:
        digests[file.name] = download.fetch(
            file.addresses,
            file.sha256,
            folder / file.name,
            exact=corpus.exact,
            mirror=Path(mirror) if mirror else None,
            progress=progress,
        )
    write_json({"sha256": digests}, folder / "fetched.json")


if __name__ == "__main__":
    main()
