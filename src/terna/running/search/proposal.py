"""What to try next, after Optuna's tree-structured Parzen estimator.

Source: Bergstra et al., Algorithms for Hyper-Parameter Optimization, 2011.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from terna.errors import ModelError
from terna.running.search.space import Choice, Parameter
from terna.running.search.trials import Trial


def propose(space: Sequence[Parameter], trials: Sequence[Trial], seed: int) -> list[str]:
    """The overrides of the next trial, as a function of the trials so far and the seed alone.

    So nothing but the trials need outlive a kill. A score is better the higher it is.
    """
    optuna = library()
    kinds = {one.key: _distribution(one, optuna.distributions) for one in space}
    place = np.random.SeedSequence([seed, len(trials)])
    sampler = optuna.samplers.TPESampler(seed=int(place.generate_state(1)[0]))
    study = optuna.create_study(direction="maximize", sampler=sampler)
    for one in trials:
        values = {each.key: each.value(word) for each, word in zip(space, one.words, strict=True)}
        state = optuna.trial.TrialState.FAIL if one.score is None else optuna.trial.TrialState.COMPLETE
        study.add_trial(
            optuna.trial.create_trial(params=values, distributions=kinds, value=one.score, state=state),
        )
    drawn = study.ask(kinds).params
    return [one.word(drawn[one.key]) for one in space]


def library() -> Any:
    """Optuna; ModelError when it is not installed."""
    try:
        import optuna
    except ImportError as error:
        raise ModelError(f"optuna cannot be imported ({error}); pip install -e '.[search]'") from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def _distribution(one: Parameter, kinds: Any) -> Any:
    if isinstance(one, Choice):
        return kinds.CategoricalDistribution(one.values)
    if one.whole:
        return kinds.IntDistribution(round(one.low), round(one.high), log=one.log)
    return kinds.FloatDistribution(one.low, one.high, log=one.log)
