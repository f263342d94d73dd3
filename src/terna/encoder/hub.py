"""A repository of the hub as a folder on this disk."""

from pathlib import Path

from terna.errors import ModelError

# what is taken of a repository: neither weights in other formats nor copies for other engines
FILES = ("*.json", "*.safetensors", "*.txt", "*.model", "*.spm", "*.jinja")
COPIES = ("onnx/*", "openvino/*")


def fetched(name: str, revision: str) -> Path:
    """The folder of a repository at a revision, which is named after its commit.

    Raises ModelError when the hub has no such repository, or cannot be asked and its cache lacks it.
    """
    # not at the top: huggingface_hub reads its environment as it is imported, and a stage sets that up only then
    from huggingface_hub import snapshot_download

    try:
        return Path(
            snapshot_download(name, revision=revision, allow_patterns=list(FILES), ignore_patterns=list(COPIES))
        )
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{name}: neither a folder nor to be had from the hub at revision {revision}: {error}. Give a "
            "folder, or a hub name and a revision that it has"
        ) from error
