"""Record the digests of your own files and encoders. The stage runs at every `dvc repro`, so that DVC notices edits.

reads   each corpus and benchmark that is declared by a path, the module of each loss of your own, and each encoder
        and translator that is a local folder
does    computes sha256; says on stderr when conf/ was edited after params.yaml was composed from it
writes  data/local/: nli/<corpus>.json, sts/<benchmark>.json, parallel.json, losses.json, model.json, teacher.json,
        mine.json, systems.json, translator.json; the same bytes for the same files
"""

from terna.running import drift
from terna.running.stage import stage

import sys
from pathlib import Path

from terna.data.download import from_environment, local_digests
from terna.records import replacing_folder, write_json
from terna.settings import Settings

OUT = Path("data/local")
# what DVC fetches one by one; the others are read by one stage
ONE_BY_ONE = ("nli", "sts")


@stage
def main(settings: Settings) -> str:
    if said := drift.notice(Path()):
        print(f"local: {said}", file=sys.stderr, flush=True)
    found = local_digests(settings, mirror=from_environment())
    with replacing_folder(OUT) as beside:
        for group, digests in found.items():
            if group not in ONE_BY_ONE:
                write_json(digests, beside / f"{group}.json")
                continue
            for name, each in digests.items():
                write_json(each, beside / group / f"{name}.json")
    number = sum(len(each) for digests in found.values() for each in digests.values())
    return f"{number} local file{'s' * (number != 1)}, digests in {OUT}"


if __name__ == "__main__":
    main()
