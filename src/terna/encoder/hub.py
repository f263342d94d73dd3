"""A repository of the hub as a folder on this disk."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from terna.errors import ModelError, words_of
from terna.settings.hub import hub_errors, patience

# what is taken of a repository: neither weights in other formats nor copies for other engines
FILES = ("*.json", "*.safetensors", "*.txt", "*.model", "*.spm", "*.jinja")
COPIES = ("onnx/*", "openvino/*")
OFFLINE = (
    "Without a hub: take its cache folder along (HF_HOME, with HF_HUB_OFFLINE=1); `make mirror` packs the corpora. A "
    "folder, model=minilm and experiment=scratch need no hub"
)


def fetched(name: str, revision: str, also: Sequence[str] = ()) -> Path:
    """The folder of a repository at a revision, which is named after its commit.

    also: patterns of files to take besides an encoder's.

    Raises ModelError when the hub has no such repository, or cannot be asked and its cache lacks it.
    """
    # not at the top: huggingface_hub reads its environment as it is imported, and a stage sets that up only then
    from huggingface_hub import snapshot_download

    reached = check(name, revision)
    with _hub(name, revision):
        return Path(
            snapshot_download(
                name,
                revision=revision,
                allow_patterns=[*FILES, *also],
                ignore_patterns=list(COPIES),
                local_files_only=not reached,
            )
        )


def check(name: str, revision: str) -> bool:
    """Whether the hub answers; ModelError, within PATIENCE, when it does not and its cache has nothing of a repository.

    Its own clients try again for half a minute, or wait for an answer without end.
    """
    from huggingface_hub import HfApi, constants

    try:
        with _hub(name, revision):
            HfApi().model_info(name, revision=revision, timeout=patience())
    except ModelError:
        if not (Path(constants.HF_HUB_CACHE) / f"models--{name.replace('/', '--')}").is_dir():
            raise
        return False
    return True


@contextmanager
def _hub(name: str, revision: str) -> Iterator[None]:
    """What huggingface_hub raises becomes a ModelError with the remedy."""
    try:
        yield
    except hub_errors() as error:
        asked = f"{name}: neither a folder nor available from the hub at revision {revision}"
        if getattr(getattr(error, "response", None), "status_code", None) is not None:
            raise ModelError(
                f"{asked}: {words_of(error)}. Give a folder, or a hub name and a revision that it has; a private one "
                "needs HF_TOKEN"
            ) from error
        raise ModelError(f"{asked} ({words_of(error)}). {OFFLINE}") from error
