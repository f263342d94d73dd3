"""Fetch the raw corpora.

reads   the addresses of each corpus and benchmark, the hub for a dataset, or the mirror folder in TERNA_MIRROR
does    takes each file from the first place that has the right bytes, and reads archives through
writes  data/raw/nli/<corpus>/, data/raw/sts/<benchmark>/: the files under their own names, a dataset's of the hub in
        dataset/, and fetched.json last
"""

from terna.running.stage import stage

from pathlib import Path

from terna.data.corpora import check_file
from terna.data.download import fetch_corpus, from_environment
from terna.records import read_record
from terna.settings import Benchmark, Settings


@stage
def main(settings: Settings) -> str:
    chosen = settings.fetch.only
    mirror, fetched = from_environment(), []
    for folder, corpora in (("nli", settings.corpora), ("sts", settings.evaluate.benchmarks)):
        for name, corpus in corpora.items():
            if chosen in (None, name):
                place = Path("data/raw") / folder / name
                # what reads the files depends on how they are read: DVC sees it here
                more = corpus.reading if isinstance(corpus, Benchmark) else {}
                progress = settings.machine.progress
                fetch_corpus(corpus, place, mirror=mirror, check=check_file, progress=progress, more=more)
                count = len(read_record(place / "fetched.json", {"sha256": dict[str, str]}, "fetch again")["sha256"])
                fetched.append(f"{count} file{'s' * (count != 1)} in {place}")
    return ", ".join(fetched)


if __name__ == "__main__":
    main()
