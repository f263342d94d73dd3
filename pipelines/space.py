"""Write a Hugging Face Space that serves the demo's page: a folder with a Dockerfile, to be sent to the hub.

reads   release/encoder/, or the folder that is named; src/, pyproject.toml, LICENSE, requirements.lock
does    copies them; of a hub name, which the Space loads when it starts, only the name is written
writes  space/: README.md with the Space's front matter, Dockerfile, requirements.txt, src/, encoder/

    python pipelines/space.py        or: make space MODEL=owner/name@main
"""

from terna.running.command import worded

import argparse

from terna.release import space


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "model",
        nargs="?",
        default="release/encoder",
        help="an encoder's folder, or a hub name with its revision, owner/name@main (release/encoder)",
    )


@worded(arguments, alone=True)
def main(asked: argparse.Namespace) -> str:
    space.write(asked.model)
    going = space.files()
    size = sum(path.stat().st_size for path in going.values())
    return f"space/ with {asked.model}: files {len(going)}, bytes {size:,}"


if __name__ == "__main__":
    main()
