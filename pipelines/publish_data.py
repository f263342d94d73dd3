"""Publish the training data on the hub as a dataset with a card, if the licences allow it.

reads   data/nli/, data/triplets/, the records of the stages that made them, params.yaml
does    stops if tables are not as their stages wrote them, or if a corpus may not be redistributed or has an unknown
        licence (`--leave-out` excludes its rows); then makes one commit
writes  dataset/: one folder per configuration with its splits in Parquet, README.md (the card), stats.json,
        lineage.json; and the repository on the hub (huggingface_hub's address and token: HF_ENDPOINT, HF_TOKEN)

    python pipelines/publish_data.py owner/name --dry-run        or: make publish-data REPO=owner/name OPTIONS=--dry-run
"""

from terna.running.command import worded
from terna.running.process import settle

import argparse
from pathlib import Path

from omegaconf import OmegaConf
from tqdm import tqdm

from terna.release import dataset, origin, verify
from terna.release.card.licence import licence_of
from terna.release.lineage import data_chain
from terna.settings import load


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("repo", help="owner/name")
    parser.add_argument("--dry-run", action="store_true", help="write dataset/, and say what would go; no network")
    parser.add_argument("--private", action="store_true", help="a repository that is made is private")
    parser.add_argument(
        "--leave-out", action="store_true", help="without rows that may not be given away, or perhaps not"
    )
    parser.add_argument(
        "--licence-checked", action="store_true", help="corpora without a known licence have been asked about"
    )


@worded(arguments, alone=True)
def main(asked: argparse.Namespace) -> None:
    settle()
    # torch takes seconds to import: arguments are sound by now
    from terna.release import hub

    settings = load(OmegaConf.load("params.yaml"))
    hub.check_name(asked.repo)
    corpora = dataset.permitted(settings.corpora, checked=asked.licence_checked, leave_out=asked.leave_out)
    chain = data_chain(settings)
    for line in verify.check(chain, Path(), others=verify.disagreements(chain, settings)):
        tqdm.write(line)
    tables = dataset.parts(corpora, every=len(corpora) == len(settings.corpora))
    dataset.write(asked.repo, settings, corpora, tables, chain)
    going = dataset.files()
    print(*hub.described(asked.repo, licence_of(corpora).identifier, going), sep="\n")
    if left := [name for name in settings.corpora if name not in corpora]:
        print(f"without the rows of {', '.join(left)}")
    if asked.dry_run:
        print(f"nothing was sent: --dry-run; it lies in {dataset.FOLDER}/")
    else:
        message = f"{asked.repo}, made at commit {origin.commit(Path()) or 'unknown'}"
        print(hub.send(asked.repo, going, message, private=asked.private, kind="dataset"))


if __name__ == "__main__":
    main()
