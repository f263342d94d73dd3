"""Pack the raw corpora into a folder for a machine without a network.

reads   the addresses of each corpus and benchmark, or the mirror folder in TERNA_MIRROR; TERNA_DEST, the folder to
        write
does    takes each file as the fetch stages do; keeps correct files that already exist
writes  TERNA_DEST/<corpus>/: the files and fetched.json; TERNA_DEST/SHA256SUMS of all files that were packed there

    make mirror DEST=/media/stick/terna            packs what params.yaml needs
    TERNA_MIRROR=/media/stick/terna dvc repro      runs from it
    cd /media/stick/terna && sha256sum -c SHA256SUMS
"""

from terna.running.stage import stage

import os
from pathlib import Path

from terna.data.corpora import check_file
from terna.data.download import fetch_corpus, from_environment
from terna.errors import SettingsError
from terna.records import read_record, write_text
from terna.settings import Settings

REMEDY = "delete its folder, and pack again"


@stage
def main(settings: Settings) -> str:
    given = os.environ.get("TERNA_DEST")
    if not given:
        raise SettingsError(
            ["TERNA_DEST: not set; set it to the folder for the files, such as `make mirror DEST=/media/stick/terna`"]
        )
    mirror = from_environment()
    packed = settings.parallel | settings.corpora | settings.evaluate.benchmarks
    for name, corpus in packed.items():
        place = Path(given) / name
        fetch_corpus(corpus, place, mirror=mirror, check=check_file, progress=settings.machine.progress)
    write_text(sums(Path(given)), Path(given) / "SHA256SUMS")
    return f"{len(packed)} corpora in {given}, with their digests in SHA256SUMS"


def sums(folder: Path) -> str:
    """The digests in each corpus's record, as sha256sum writes them, sorted by path."""
    digests = {
        f"{record.parent.name}/{name}": digest
        for record in folder.glob("*/fetched.json")
        for name, digest in read_record(record, {"sha256": dict[str, str]}, REMEDY)["sha256"].items()
    }
    return "".join(f"{digest}  {path}\n" for path, digest in sorted(digests.items()))


if __name__ == "__main__":
    main()
