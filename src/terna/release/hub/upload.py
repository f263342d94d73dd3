"""The one commit that a release, or a dataset, is on the hub."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from terna.errors import PublishError
from terna.release.lineage import CARD, LINEAGE, RELEASE, Lineage


def files(lineage: Lineage) -> dict[str, Path]:
    """What goes out, by its path on the hub: the files of the release with a digest in the chain, and the chain.

    The encoder's lie at the repository's root, with its card; in metrics/ the figures.
    """
    link = next(link for link in lineage.chain if link.stage == RELEASE)
    going = [Path(path) for path in link.wrote if Path(path) != CARD]
    return {on_hub(path): path for path in [*going, LINEAGE]}


def on_hub(path: Path) -> str:
    """Where a file of release/ lies on the hub."""
    return path.relative_to(RELEASE).as_posix().removeprefix("encoder/")


def described(repo: str, licence: str, going: Mapping[str, Path]) -> Iterator[str]:
    """A line on the whole, and one a file with its bytes."""
    sizes = {name: path.stat().st_size for name, path in going.items()}
    yield f"{repo}: licence {licence}, files {len(sizes)}, bytes {sum(sizes.values()):,}"
    for name, size in sizes.items():
        yield f"{size:>15,}  {name}"


def send(repo: str, going: Mapping[str, Path], message: str, *, private: bool, kind: str = "model") -> str:
    """Make the repository if it is not there, and one commit of all files in it; returns the commit's address.

    kind: of the repository, `model` or `dataset`.
    The hub's address and the token are those of huggingface_hub. Raises PublishError when the hub does not take it: in
    the repository there then is all or nothing.
    """
    from huggingface_hub import CommitOperationAdd, HfApi, get_token
    from huggingface_hub.errors import HfHubHTTPError

    if get_token() is None:
        raise PublishError("no token for the hub: log in (hf auth login), or set HF_TOKEN")
    api = HfApi(library_name="terna")
    additions = [CommitOperationAdd(path_in_repo=name, path_or_fileobj=path) for name, path in going.items()]
    # those of the client's own library, which is another in each of its versions, and those that it makes of them
    failures: Any = (HfHubHTTPError.__bases__[0], OSError, ValueError, RuntimeError)
    try:
        api.create_repo(repo, repo_type=kind, private=private or None, exist_ok=True)
        # not upload_folder: of a large folder that may make several commits
        return str(api.create_commit(repo, additions, repo_type=kind, commit_message=message).commit_url)
    except failures as error:
        raise PublishError(_told(repo, api.endpoint, error)) from error


def _told(repo: str, endpoint: str, error: BaseException) -> str:
    # of a file that did not arrive the client says its name, and has the reason behind it
    reasons = [error, *([error.__cause__] if isinstance(error, RuntimeError) and error.__cause__ else [])]
    status = getattr(getattr(reasons[-1], "response", None), "status_code", None)
    if status in (401, 403):
        return (
            f"{endpoint} does not let this token write to {repo} (status {status}): give one that may (hf auth login, "
            "or HF_TOKEN), or another name"
        )
    told = " ".join(f"{type(reason).__name__}: {reason}" for reason in reasons)
    return (
        f"{endpoint} did not take {repo}: {told}. Check there whether the commit exists; if not, nothing has "
        "changed, and the same command sends it again, without what has arrived"
    )
