"""Build the release: the encoder's folder with its model card, and its lineage from the raw files.

reads   models/, metrics/, predictions/, reports/, data/: every file whose digest a stage has recorded; logs/train.json
        for the emissions, where they were measured
does    stops if the chain is broken, or if a stage ran with other settings; fills the card with the measured scores
writes  release/encoder/ (the folder, with the card as its README.md, and metrics/verdicts.json: how it compares with
        the lexical baselines), release/README.md, release/metrics/ (the figures that the card states,
        emissions among them), release/lineage.json; release/encoder/.eval_results/, if a benchmark is a task of a
        dataset on the hub

python pipelines/release.py --verify checks release/lineage.json against the files on disk.
"""

from terna.running.command import worded
from terna.running.stage import stage

import argparse
import shutil
import sys
from dataclasses import asdict, replace
from pathlib import Path

from omegaconf import OmegaConf
from tqdm import tqdm

from terna import provenance
from terna.evaluation.verdict import verdicts
from terna.evaluation.verdict import write as write_verdicts
from terna.records import read_json, replacing_folder, sha256_of, write_json, write_text
from terna.release import eval_results, origin, verify
from terna.release.card import emissions, fill
from terna.release.lineage import (
    EMISSIONS,
    FIGURES,
    LINEAGE,
    RELEASE,
    VERDICTS,
    Link,
    collect,
    read_lineage,
    write_lineage,
)
from terna.settings import Settings, load

ENCODER = Path("models/encoder")
MADE = Path("models/made.json")
COSTS = Path("logs/train.json")
OUT = Path("release")
SCORES = Path("metrics/sts.json")
STATS = Path("data/triplets/stats.json")


@stage
def main(settings: Settings) -> str:
    lineage = collect(settings)
    strays = verify.unexpected(lineage.chain, Path())
    list(verify.check(lineage.chain, Path(), settings.machine.progress, others=strays))
    verify.agree(lineage.chain, settings)
    measured = emissions.of_training(COSTS, sha256_of(MADE))
    card = fill(settings, lineage, measured)
    scores = read_json(SCORES)
    found = verdicts(settings.evaluate, scores)
    entries = eval_results.texts(settings, scores, origin.date(Path(), lineage.commit))
    with replacing_folder(OUT) as beside:
        shutil.copytree(ENCODER, beside / "encoder")
        write_text(card, beside / "encoder" / "README.md")
        write_verdicts(found, beside / "encoder" / VERDICTS)
        write_text(card, beside / "README.md")
        (beside / "metrics").mkdir()
        for path in FIGURES:
            shutil.copyfile(path, beside / path)
        if measured:
            write_json(asdict(measured), beside / EMISSIONS)
        # named, since digests pass over what is hidden
        digests = provenance.digests([beside, *eval_results.write(entries, beside / "encoder")])
        wrote = {OUT / Path(path).relative_to(beside): sha256 for path, sha256 in digests.items()}
        last = Link(
            stage=RELEASE,
            read=provenance.digests([STATS, *FIGURES, ENCODER]),
            wrote={path.as_posix(): sha256 for path, sha256 in wrote.items()},
        )
        write_lineage(replace(lineage, chain=[*lineage.chain, last]), beside / LINEAGE.name)
    return f"{settings.release.name} in {OUT}/, with its card and a chain of {len(lineage.chain) + 1} links"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--verify", action="store_true", help="the files that lie here against the chain of the release"
    )


@worded(arguments, alone=True)
def check(_: argparse.Namespace) -> str:
    """Say of each link that it holds; what broke ends it with status 1, what may differ is only told."""
    lineage, settings = read_lineage(LINEAGE), load(OmegaConf.load("params.yaml"))
    for line in verify.whole(lineage, settings, Path()):
        tqdm.write(line)
    for line in verify.notices(lineage, settings, origin.commit(Path())):
        tqdm.write(f"notice: {line}")
    return "every link holds"


if __name__ == "__main__":
    if "--verify" in sys.argv[1:]:
        check()
    else:
        main()
