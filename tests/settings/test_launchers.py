"""Hydra's launchers and sweepers: its own, or a refusal that names what to use instead."""

import pytest

from terna.errors import SettingsError
from terna.settings import check_words


@pytest.mark.parametrize("name", ["joblib", "submitit_local", "submitit_slurm", "ray", "rq"])
@pytest.mark.parametrize("sign", ["", "+", "++"])
def test_another_launcher_is_refused_with_the_queue_that_does_its_work(name: str, sign: str) -> None:
    with pytest.raises(SettingsError, match=rf"hydra/launcher={name}': not for a stage.*dvc exp run --queue"):
        check_words(["train.lr=1e-3,1e-4", f"{sign}hydra/launcher={name}"])


@pytest.mark.parametrize("word", ["hydra/sweeper=optuna", "+hydra/sweeper=ax", "hydra.sweeper.max_batch_size=2"])
def test_another_sweeper_is_refused_with_the_search_that_does_its_work(word: str) -> None:
    with pytest.raises(SettingsError, match=r"not for a stage, whose sweeper is Hydra's own, basic;.*make search"):
        check_words([word])


def test_part_of_a_launcher_is_refused_too() -> None:
    with pytest.raises(SettingsError, match=r"hydra\.launcher\._target_=os\.system"):
        check_words(["hydra.launcher._target_=os.system"])


def test_hydras_own_are_allowed() -> None:
    check_words(["hydra/launcher=basic", "hydra/sweeper=basic", "train.lr=1e-3,1e-4", "hydra.run.dir=runs/one"])
