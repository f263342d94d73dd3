"""Fetch the raw corpora.

reads   the addresses of each corpus and benchmark, the hub for a dataset, or the mirror folder in TERNA_MIRROR
does    takes each file from the first place that has the right bytes, and checks that archives and benchmarks can be
        read
writes  data/raw/nli/<corpus>/, data/raw/sts/<benchmark>/: the files under their own names, those of a hub dataset in
        dataset/, and at the end fetched.json
"""

from terna.running.stage import stage

from pathlib import Path

from terna.data.corpora import check_file, read_benchmark
from terna.data.download import fetch_corpus, from_environment
from terna.errors import DataError
from terna.records import read_record
from terna.settings import Benchmark, Settings

RAW = Path("data/raw")


@stage
def main(settings: Settings) -> str:
    chosen = settings.fetch.only
    mirror, fetched = from_environment(), []
    for folder, corpora in (("nli", settings.corpora), ("sts", settings.evaluate.benchmarks)):
        for name, corpus in corpora.items():
            if chosen in (None, name):
                place = RAW / folder / name
                # what reads the files depends on how they are read: DVC sees it here
                more = corpus.reading if isinstance(corpus, Benchmark) else {}
                progress = settings.machine.progress
                fetch_corpus(corpus, place, mirror=mirror, check=check_file, progress=progress, more=more)
                if isinstance(corpus, Benchmark):
                    check_benchmark(name, settings)
                count = len(read_record(place / "fetched.json", {"sha256": dict[str, str]}, "fetch again")["sha256"])
                fetched.append(f"{count} file{'s' * (count != 1)} in {place}")
    return ", ".join(fetched)


def check_benchmark(name: str, settings: Settings) -> None:
    """Raise DataError for a benchmark that cannot be read: here, since DVC fetches again what was corrected after."""
    declared = settings.evaluate.benchmarks[name]
    try:
        read_benchmark(name, settings.evaluate, RAW / "sts")
    except DataError as error:
        came = [file.addresses[0] for file in declared.files] or [declared.dataset.name if declared.dataset else name]
        raise DataError(f"{error} (evaluate.benchmarks.{name}, fetched from {', '.join(came)})") from error


if __name__ == "__main__":
    main()
