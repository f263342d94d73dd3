"""Equal integers found without sorting, beside a dictionary."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from terna.arrays import Ints
from terna.data.numbering import firsts


def by_dictionary(values: Ints) -> list[int]:
    first: dict[int, int] = {}
    return [first.setdefault(value, place) for place, value in enumerate(values.tolist())]


anywhere = st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 3)


@settings(derandomize=True, deadline=None)
@given(st.lists(anywhere, max_size=50), st.integers(1, 5))
def test_the_first_of_equals_is_found_whatever_the_slots(numbers: list[int], width: int) -> None:
    values = np.array(numbers, np.int64)
    assert firsts(values).tolist() == by_dictionary(values)
    assert firsts(values, values % width).tolist() == by_dictionary(values)


@pytest.mark.parametrize("values", [np.arange(3_000), np.arange(3_000) << 50, np.arange(3_000) // 7 * 2**20])
def test_numbers_that_follow_a_pattern_need_not_be_far_apart(values: Ints) -> None:
    assert firsts(values).tolist() == by_dictionary(values)


def test_a_slot_that_all_share_is_left_at_once() -> None:
    values = np.random.default_rng(0).integers(0, 40_000, 100_000)
    assert firsts(values, np.zeros(len(values), np.int64)).tolist() == by_dictionary(values)
