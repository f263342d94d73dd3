"""Send the release to the hub, if it is what it says.

reads   release/, metrics/, predictions/, data/, params.yaml
does    refuses a release whose name, digests, card, licence or figures do not hold; then makes one commit
writes  nothing here; the repository on the hub (huggingface_hub's address and token: HF_ENDPOINT, HF_TOKEN)

    python pipelines/publish.py owner/name --dry-run        or: make publish REPO=owner/name OPTIONS=--dry-run
"""

import argparse
from pathlib import Path

from omegaconf import OmegaConf
from tqdm import tqdm

from terna.launch import command, settle
from terna.lineage import chain, verify
from terna.records import read_json
from terna.settings import load

LINEAGE = Path("release/lineage.json")
CARD = Path("release/encoder/README.md")
ENCODER = Path("release/encoder")


@command
def main() -> None:
    parser = argparse.ArgumentParser(description="Send the release to the hub, in one commit.")
    parser.add_argument("repo", help="owner/name")
    parser.add_argument("--dry-run", action="store_true", help="check, and say what would go; no network")
    parser.add_argument("--private", action="store_true", help="a repository that is made is private")
    parser.add_argument(
        "--licence-checked", action="store_true", help="corpora without a known licence have been asked about"
    )
    asked = parser.parse_args()
    settle()
    # torch takes seconds to import: arguments are sound by now
    from terna import publish
    from terna.encoder import Encoder

    settings, lineage = load(OmegaConf.load("params.yaml")), chain.read(LINEAGE)
    publish.named(settings, asked.repo)
    for line in verify.check(lineage.chain, Path()):
        tqdm.write(line)
    licence = publish.licensed(settings.corpora | settings.parallel, CARD, asked.licence_checked)
    publish.fresh(settings, lineage, CARD)
    for line in publish.reproduced(Encoder.load(ENCODER), settings, read_json(Path("metrics/sts.json")), Path()):
        print(line)
    going = publish.files(lineage)
    print(*publish.described(asked.repo, licence, going), sep="\n")
    if asked.dry_run:
        print("nothing was sent: --dry-run")
    else:
        message = f"{lineage.name}, made at commit {lineage.commit or 'unknown'}"
        print(publish.send(asked.repo, going, message, private=asked.private))


if __name__ == "__main__":
    main()
