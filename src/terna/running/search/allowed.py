"""Which settings a search may be over: what training alone reads, chosen on development data."""

from collections.abc import Sequence

from terna.errors import SettingsError
from terna.running.search.space import Parameter
from terna.settings import Settings

# what train reads and the stages before it do not: other settings would need other data
SEARCHED = ("train.", "model.pooling", "model.dense")
# the teacher's vectors were computed for them
EARLIER = (
    "train.distill",
    "train.distill.teacher",
    "train.distill.texts",
    "train.similarity_distillation",
    "train.similarity_distillation.teacher",
    "train.guide",
    "train.guide.encoder",
)
# these change nothing that comes out, so that all trials may share a value of them
SHARED = ("machine.", "logger.")


def allow(settings: Settings, space: Sequence[Parameter]) -> None:
    """SettingsError for a search that would choose on a test set, or that the stages before training would notice."""
    chosen, faults = settings.evaluate.select_on, []
    if settings.evaluate.replication or settings.evaluate.benchmarks[chosen].role != "development":
        faults.append(f"evaluate.select_on: a search chooses on development data, and {chosen} is a test benchmark")
    for one in space:
        allowed = SEARCHED if len(one.words()) > 1 else (*SEARCHED, *SHARED)
        if one.key.startswith("model.") and settings.train.is_taught:
            faults.append(
                f"{one.key}: the stage teacher computed vectors with model as params.yaml has it, and a search trains "
                "on them; take it out of the space, and search once for each value: pipelines/compose.py, then dvc "
                "repro teacher"
            )
        elif one.key == "model.pooling" and (settings.model.pooling is None or "model.pooling=null" in one.words()):
            faults.append(
                "model.pooling: null takes the prompt of the start too, which stands in data/tokens; give mean, cls or "
                "max, and where params.yaml has null leave it out of the space"
            )
        elif not one.key.startswith(allowed) or one.key in EARLIER:
            faults.append(
                f"{one.key}: a search is over {', '.join(SEARCHED)} (and may set {', '.join(SHARED)} for all its "
                "trials); put other settings into params.yaml first: pipelines/compose.py, then dvc repro teacher"
            )
    if faults:
        raise SettingsError(faults)
