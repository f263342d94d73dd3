"""Publish the release on the hub, after checking it.

reads   release/, metrics/, predictions/, data/, params.yaml
does    checks name, digests, card, licence and scores of the release, and stops if one is wrong; then makes one commit
writes  model.sig, with --sign; the repository on the hub (huggingface_hub's address and token: HF_ENDPOINT, HF_TOKEN)

    python pipelines/publish.py owner/name --dry-run        or: make publish REPO=owner/name OPTIONS=--dry-run
"""

from terna.running.command import worded
from terna.running.process import settle

import argparse
from pathlib import Path

from omegaconf import OmegaConf
from tqdm import tqdm

from terna.records import read_json
from terna.release import verify
from terna.release.lineage import LINEAGE, read_lineage
from terna.release.signature import SIGNATURE, sign
from terna.settings import load
from terna.settings.devices import device_of

CARD = Path("release/encoder/README.md")
ENCODER = Path("release/encoder")


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("repo", help="owner/name")
    parser.add_argument("--dry-run", action="store_true", help="check, and say what would go; no network")
    parser.add_argument("--private", action="store_true", help="a repository that is made is private")
    parser.add_argument(
        "--licence-checked", action="store_true", help="corpora without a known licence have been asked about"
    )
    parser.add_argument(
        "--sign", type=Path, metavar="KEY", help="private key in PEM: model.sig, its signature of the files, goes too"
    )


@worded(arguments, alone=True)
def main(asked: argparse.Namespace) -> None:
    settle()
    # torch takes seconds to import: arguments are sound by now
    from terna.encoder import Encoder
    from terna.release import hub
    from terna.systems import placed

    settings, lineage = load(OmegaConf.load("params.yaml")), read_lineage(LINEAGE)
    hub.named(settings, asked.repo)
    hub.no_debug_run(settings)
    for line in verify.whole(lineage, settings, Path()):
        tqdm.write(line)
    licence = hub.licensed(settings.corpora | settings.parallel, CARD, asked.licence_checked)
    hub.fresh(settings, lineage, CARD)
    encoder = placed(Encoder.load(ENCODER), device_of(settings.machine.accelerator))
    for line in hub.reproduced(encoder, settings, read_json(Path("metrics/sts.json")), Path()):
        print(line)
    going = hub.files(lineage)
    if asked.sign:
        sign(going, asked.sign, SIGNATURE)
        going[SIGNATURE.name] = SIGNATURE
    print(*hub.described(asked.repo, licence, going), sep="\n")
    if asked.dry_run:
        print("nothing was sent: --dry-run")
    else:
        message = f"{lineage.name}, made at commit {lineage.commit or 'unknown'}"
        print(hub.send(asked.repo, going, message, private=asked.private))


if __name__ == "__main__":
    main()
