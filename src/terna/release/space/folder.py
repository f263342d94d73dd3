"""The folder of a Space: its front matter, its Dockerfile, the package's source, and the encoder or its hub name."""

import re
import shutil
from pathlib import Path

from terna.errors import PublishError
from terna.markdown import escape
from terna.records import replacing_folder, write_text
from terna.release.card.front import yaml_of

# where it is put together
FOLDER = Path("space")
# what a wheel of the package needs, and the versions that were tested: the project's files by their names in the folder
SOURCES = {
    "src": "src",
    "pyproject.toml": "pyproject.toml",
    "LICENSE": "LICENSE",
    "requirements.txt": "requirements.lock",
}
DOCKERFILE = Path(__file__).parent / "Dockerfile"
# what is left out of src
MADE = shutil.ignore_patterns("__pycache__", "*.egg-info")
# what the hub takes if a Space names no other; also in the Dockerfile
PORT = 7860
ENCODER = "encoder"
# either is in an encoder's folder
MODULES = ("modules.json", "config.json")
HUB = re.compile(r"(?P<name>[\w.-]+/[\w.-]+)@[\w./-]+")
TEXT = """
# {title}

The demo page of {model}: it compares two Spanish sentences, searches a list or a file of yours beside a lexical
baseline, and groups sentences. The page is in English or Spanish, as your browser asks. Texts stay in memory and are
not stored.

To run it on your own machine: `docker build -t demo . && docker run -p {port}:{port} demo`, and open
`http://localhost:{port}`.
"""


def write(model: str, folder: Path = FOLDER) -> None:
    """Write `folder` again, for an encoder's folder or for a hub name with its revision, which the Space then loads.

    Raises PublishError for a model that is neither.
    """
    encoder = Path(model) if any((Path(model) / name).is_file() for name in MODULES) else None
    named = None if encoder or Path(model).exists() else HUB.fullmatch(model)
    if not (encoder or named):
        raise PublishError(
            f"{model}: neither an encoder's folder ({' or '.join(MODULES)} in it) nor a hub name with a revision "
            "(owner/name@main); `make run` makes release/encoder"
        )
    with replacing_folder(folder) as beside:
        for name, source in SOURCES.items():
            _copy(Path(source), beside / name)
        if encoder:
            _copy(encoder, beside / ENCODER)
        write_text(_dockerfile(None if encoder else model), beside / "Dockerfile")
        write_text(_bundled(encoder) if encoder else _readme(model, hub=model.partition("@")[0]), beside / "README.md")


def files(folder: Path = FOLDER) -> dict[str, Path]:
    """What lies there, by its path on the hub."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path for path in found}


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=MADE)
    else:
        shutil.copyfile(source, target)


def _dockerfile(hub: str | None) -> str:
    """hub: the model that is loaded when the Space starts; None: the one in the folder."""
    text = DOCKERFILE.read_text(encoding="utf-8")
    return text.replace(f"COPY {ENCODER} {ENCODER}\n", "").replace(f"MODEL={ENCODER}", f"MODEL={hub}") if hub else text


def _bundled(encoder: Path) -> str:
    """What `_readme` writes of a folder, with the name and the licence that its card states."""
    from huggingface_hub import metadata_load

    card = encoder / "README.md"
    stated = (metadata_load(card) or {}) if card.is_file() else {}
    names = [one.get("name") for one in stated.get("model-index", [])]
    return _readme(next(filter(None, names), "a sentence encoder"), licence=stated.get("license"))


def _readme(model: str, *, licence: str | None = None, hub: str | None = None) -> str:
    """The front matter that the hub reads, and a page for people."""
    # not at the top: huggingface_hub reads its environment as it is imported, and a stage sets that up only then
    from huggingface_hub import SpaceCardData

    data = SpaceCardData(
        title="terna: sentences by meaning",
        emoji="🧭",
        colorFrom="blue",
        colorTo="indigo",
        sdk="docker",
        app_port=PORT,
        license=licence,
        models=[hub] if hub else None,
        pinned=False,
        short_description="Compare, search and group Spanish sentences",
    )
    return f"---\n{yaml_of(data)}\n---\n{TEXT.format(title=data.title, model=escape(model), port=PORT)}"
