"""Where the encoder comes from: commit, versions, and the digests of what was made on the way to its weights."""

from collections.abc import Iterator

from terna.markdown import table
from terna.release.lineage import Lineage

# what a stage makes beside these follows from them, and stands in lineage.json
STAGES = ("translate", "triplets", "tokens", "train")
TABLES = (".parquet", ".npy", ".safetensors")
CHECK = (
    "`release/lineage.json` has every link, from the raw files on, with every setting. In a checkout that holds the "
    "files, `python pipelines/release.py --verify` computes all digests anew and names the first link that broke."
)


def section(lineage: Lineage) -> str:
    """The section on lineage; the raw files' digests stand with the data."""
    return "\n\n".join(
        [
            "## Lineage",
            circumstances(lineage),
            table(["stage", "file", "sha256"], _rows(lineage)),
            CHECK,
        ]
    )


def circumstances(lineage: Lineage) -> str:
    """The commit, the machine and the versions."""
    versions = ", ".join(f"{name} {version or 'unknown'}" for name, version in lineage.packages.items())
    return f"{_commit(lineage)} {lineage.machine}; {versions}."


def _commit(lineage: Lineage) -> str:
    if lineage.commit is None:
        return "The commit of the code is unknown."
    if lineage.modified:
        return f"Commit `{lineage.commit}`, with {len(lineage.modified)} files changed since."
    return f"Commit `{lineage.commit}`."


def _rows(lineage: Lineage) -> Iterator[list[str]]:
    for link in lineage.chain:
        for path, digest in link.wrote.items():
            if link.stage in STAGES and path.endswith(TABLES):
                yield [link.stage, f"`{path}`", f"`{digest}`"]
