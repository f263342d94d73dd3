"""What every system makes of each benchmark."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from terna.arrays import Vectors
from terna.data.evaluators import Evaluator, Outcomes, encoded, used_prompts
from terna.encoder import Usage, build_encoder, load_tokenizer
from terna.evaluation.baselines import baselines
from terna.evaluation.table import OURS, UNTOUCHED
from terna.sentences import Prompts
from terna.settings import Settings
from terna.settings.devices import device_of
from terna.systems import System, load_system, placed


@dataclass(frozen=True)
class Measured:
    """A benchmark and the outcomes of each system on it, by measure.

    ours, untouched: of our encoder, and of its start before training (None when that was random weights). vectors:
    those of the texts by these two, under their names in the table. baselines: the lexical ones. others: each other
    system's. prompts: what each system, by its name in the table, was given before texts, see `used_prompts`.
    """

    evaluator: Evaluator
    ours: Outcomes
    untouched: Outcomes | None
    baselines: Outcomes
    others: Mapping[str, Outcomes]
    vectors: Mapping[str, Vectors] = field(default_factory=dict)
    prompts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def measure_systems(encoder: System, settings: Settings, evaluators: Mapping[str, Evaluator]) -> dict[str, Measured]:
    """All systems on all benchmarks; each other system is loaded for itself alone."""
    before, prompts = _untouched(settings), {OURS: encoder.usage.sides}
    own = {OURS: encoder} | ({UNTOUCHED: before} if before else {})
    if before:
        prompts[UNTOUCHED] = _prompts("untouched", before, settings)
    vectors = {system: _encoded(one, prompts[system], evaluators) for system, one in own.items()}
    found = {system: _concluded(each, evaluators) for system, each in vectors.items()}
    lexically = concluded({name: baselines(one) for name, one in evaluators.items()}, evaluators)
    others = {}
    for name, where in settings.evaluate.systems.items():
        system = load_system(where, device_of(settings.machine.accelerator))
        prompts[name] = _prompts(name, system, settings)
        others[name] = outcomes(system, evaluators, prompts[name])
    return {
        name: Measured(
            one,
            found[OURS][name],
            found[UNTOUCHED][name] if before else None,
            lexically[name],
            {system: each[name] for system, each in others.items()},
            {system: each[name] for system, each in vectors.items()},
            {system: used_prompts(each, one) for system, each in prompts.items()},
        )
        for name, one in evaluators.items()
    }


def outcomes(
    system: System, evaluators: Mapping[str, Evaluator], prompts: Prompts | None = None
) -> dict[str, Outcomes]:
    """The outcomes of a system on each benchmark; prompts: None for its own."""
    return _concluded(_encoded(system, prompts or system.usage.sides, evaluators), evaluators)


def concluded(every: Mapping[str, Outcomes], evaluators: Mapping[str, Evaluator]) -> dict[str, Outcomes]:
    """The outcomes by which figures are taken, on each benchmark."""
    return {name: one.concluded(every) for name, one in evaluators.items()}


def _prompts(name: str, system: System, settings: Settings) -> Prompts:
    """Those that the settings give a system, else its own."""
    declared = settings.evaluate.prompts.get(name)
    return (Usage.of(declared) if declared else system.usage).sides


def _encoded(system: System, prompts: Prompts, evaluators: Mapping[str, Evaluator]) -> dict[str, Vectors]:
    return {name: encoded(system.encode, prompts, one) for name, one in evaluators.items()}


def _concluded(vectors: Mapping[str, Vectors], evaluators: Mapping[str, Evaluator]) -> dict[str, Outcomes]:
    return concluded({name: one.outcomes(vectors[name]) for name, one in evaluators.items()}, evaluators)


def _untouched(settings: Settings) -> System | None:
    """The start before training, whole, without a head or prompts of ours; None when it started from random weights."""
    model = replace(settings.model, dense=None, layers=None, prompts=None)
    if model.scratch:
        return None
    encoder = build_encoder(model, load_tokenizer(model, [])).eval()
    return placed(encoder, device_of(settings.machine.accelerator))
