"""Where a system lies on the disk, whatever its name says, and the digests of what lies there."""

import re
from pathlib import Path

from terna import encoder
from terna.encoder.hub import fetched
from terna.errors import ModelError
from terna.provenance import digests
from terna.settings import OWNER, is_hub_name

# the revision is what makes it one: without, it is a path, and a path that is not there is never asked of the hub
REVISION = re.compile(r"(?P<name>.+)@(?P<revision>[\w./-]+)")
VECTORS = (".vec", ".txt", ".gz")
GRAPH = ".onnx"


def locate(where: str) -> Path:
    """The folder of a model, or the file of word vectors or of a graph.

    where: a path, `pkg:module/path`, or a hub name with `@` and a revision. Raises ModelError when nothing is there, or
    the hub has no such repository, or cannot be asked and its cache lacks it.
    """
    path = Path(where)
    if path.is_dir() or (path.is_file() and path.suffix in (*VECTORS, GRAPH)):
        return path
    if path.is_file():
        raise ModelError(
            f"{where}: a file that is neither word vectors ({', '.join(VECTORS)}) nor a graph ({GRAPH}); give "
            "one, or a folder"
        )
    if where.startswith("pkg:"):
        return _packaged(where)
    match = REVISION.fullmatch(where)
    if path.suffix in (*VECTORS, GRAPH) or not match or not is_hub_name(match["name"]):
        raise ModelError(
            f"{where}: not there; give a folder, a file of word vectors, pkg:module/path, or a hub name with @ and a "
            f"revision (owner/name@main, {OWNER}). `make run` trains models/encoder"
        )
    return fetched(match["name"], match["revision"])


def digests_of(path: Path) -> dict[str, str]:
    """The sha256 of each file of a system, by its path in the folder; of word vectors by the file's name.

    A graph's tokenizer and pooling lie in the folder that it was written into, which is counted as a whole.
    """
    path = path.parent.parent if path.suffix == GRAPH else path
    inside = path if path.is_dir() else path.parent
    return {Path(name).relative_to(inside).as_posix(): digest for name, digest in digests([path]).items()}


def _packaged(where: str) -> Path:
    try:
        return Path(encoder.locate(where))
    except ModelError as error:
        reason = str(error).removeprefix("model.backbone: ")
        raise ModelError(f"{where}: {reason}") from error
