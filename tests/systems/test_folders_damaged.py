"""Folders that hypothesis damages: a few here; `python tests/helpers/fuzz_folders.py` tries more."""

import pytest
from fuzz_folders import Change, check, damages
from hypothesis import HealthCheck, given, settings


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(damages)
def test_a_damaged_folder_gives_an_encoder_or_an_error_that_names_it_soon_and_in_bounded_memory(
    damage: tuple[str, list[Change]],
) -> None:
    check(*damage)
