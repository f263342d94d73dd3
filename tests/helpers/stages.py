"""The stages of the pipeline, in the order of the graph."""

from terna.release.lineage import RECORDS

STAGES = ("fetch", *RECORDS, "release", "report")


def stages_before(stage: str) -> tuple[str, ...]:
    """Those that a stage comes after."""
    return STAGES[: STAGES.index(stage)]
