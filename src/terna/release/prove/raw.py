"""The raw files, downloaded again from the addresses that the release states."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from terna.data.corpora import check_file
from terna.data.download import fetch_corpus, from_environment
from terna.errors import DownloadError, words_of
from terna.release.lineage import Link, raw_corpora
from terna.release.links import changed
from terna.release.prove.finding import Finding, faulty, proved, trusted
from terna.settings import Benchmark, Corpus, File, Settings

RECORD = "fetched.json"


def raw(links: Mapping[str, Link], settings: Settings, scratch: Path) -> Iterator[Finding]:
    """Fetch each corpus and benchmark into `scratch`, and compare the files with the chain.

    Paths among the addresses are from the working folder.
    """
    for stage, folder, corpus in raw_corpora(settings):
        yield from _corpus(links[stage], corpus, scratch, folder, settings.machine.progress)


def _corpus(link: Link, corpus: Corpus, scratch: Path, folder: Path, progress: bool) -> Iterator[Finding]:
    try:
        _fetch(corpus, scratch / folder, progress)
    except DownloadError as error:
        yield trusted(link.stage, f"not downloaded again: {words_of(error)}")
        return
    faults = [fault for path, digest in link.wrote.items() for fault in changed(link.stage, scratch, path, digest)]
    # the record repeats the digests of the others
    faults = [fault for fault in faults if not fault.what.endswith(RECORD)] or faults
    yield from faulty(faults)
    if not faults:
        yield proved(link.stage, f"downloaded again, with the sha256 of the release: {len(link.wrote) - 1} files")


def _fetch(corpus: Corpus, folder: Path, progress: bool) -> None:
    """As the fetch stage does; where other bytes come than are declared, these bytes."""
    more = corpus.reading if isinstance(corpus, Benchmark) else {}
    mirror = from_environment()
    try:
        fetch_corpus(corpus, folder, mirror=mirror, check=check_file, progress=progress, more=more)
    except DownloadError:
        any_bytes = replace(corpus, exact=False)
        fetch_corpus(any_bytes, folder, mirror=mirror, check=_unchecked, progress=progress, more=more)


def _unchecked(file: File, path: Path) -> None:
    """What came is compared by its digest."""
