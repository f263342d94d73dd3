"""What every system makes of each benchmark."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from terna.arrays import Vectors
from terna.data.evaluators import Evaluator, Outcomes
from terna.encoder import build_encoder, load_tokenizer
from terna.evaluation.baselines import baselines
from terna.evaluation.table import OURS, UNTOUCHED
from terna.settings import Settings
from terna.systems import System, load_system


@dataclass(frozen=True)
class Measured:
    """A benchmark and the outcomes of each system on it, by measure.

    ours, untouched: of our encoder, and of its backbone as it came (None when that was random weights). vectors: those
    of the texts by these two, under their names in the table. baselines: the lexical ones. others: each other system's.
    """

    evaluator: Evaluator
    ours: Outcomes
    untouched: Outcomes | None
    baselines: Outcomes
    others: Mapping[str, Outcomes]
    vectors: Mapping[str, Vectors] = field(default_factory=dict)


def measure_systems(encoder: System, settings: Settings, evaluators: Mapping[str, Evaluator]) -> dict[str, Measured]:
    """All systems on all benchmarks; each other system is loaded for itself alone."""
    before = _untouched(settings)
    own = {OURS: encoder} | ({UNTOUCHED: before} if before else {})
    vectors = {system: _encoded(one, evaluators) for system, one in own.items()}
    found = {system: _concluded(each, evaluators) for system, each in vectors.items()}
    lexically = concluded({name: baselines(one) for name, one in evaluators.items()}, evaluators)
    others = {system: outcomes(load_system(where), evaluators) for system, where in settings.evaluate.systems.items()}
    return {
        name: Measured(
            one,
            found[OURS][name],
            found[UNTOUCHED][name] if before else None,
            lexically[name],
            {system: each[name] for system, each in others.items()},
            {system: each[name] for system, each in vectors.items()},
        )
        for name, one in evaluators.items()
    }


def outcomes(system: System, evaluators: Mapping[str, Evaluator]) -> dict[str, Outcomes]:
    """The outcomes of a system on each benchmark."""
    return _concluded(_encoded(system, evaluators), evaluators)


def concluded(every: Mapping[str, Outcomes], evaluators: Mapping[str, Evaluator]) -> dict[str, Outcomes]:
    """The outcomes by which figures are taken, on each benchmark."""
    return {name: one.concluded(every) for name, one in evaluators.items()}


def _encoded(system: System, evaluators: Mapping[str, Evaluator]) -> dict[str, Vectors]:
    return {name: system.encode(one.texts) for name, one in evaluators.items()}


def _concluded(vectors: Mapping[str, Vectors], evaluators: Mapping[str, Evaluator]) -> dict[str, Outcomes]:
    return concluded({name: one.outcomes(vectors[name]) for name, one in evaluators.items()}, evaluators)


def _untouched(settings: Settings) -> System | None:
    """The backbone as it came, whole and without a head of ours; None when it started from random weights."""
    model = replace(settings.model, dense=None, layers=None)
    return None if model.scratch else build_encoder(model, load_tokenizer(model, [])).eval()
