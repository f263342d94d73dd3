"""The parts of the batch plan, each beside a slow, obvious way to the same."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from terna.arrays import Ints
from terna.training.batches import bin_packing
from terna.training.batches.plan import _first_and_which, _line, _most_frequent, _most_full, _sorted_places, plan

# how often keys occur: many equal numbers, and a few that are far above the others
counts_of_keys = st.lists(st.integers(0, 6) | st.integers(0, 80), max_size=30)


def fit(counts: list[int], size: int, batches: int) -> bool:
    """Whether keys fill so many batches: each is in a batch once at most."""
    return sum(min(count, batches) for count in counts) >= size * batches


@settings(derandomize=True, deadline=None, max_examples=300)
@given(counts_of_keys, st.integers(1, 12) | st.integers(13, 3_000))
def test_the_bound_is_the_largest_number_of_batches_that_the_keys_can_fill(counts: list[int], size: int) -> None:
    possible = [batches for batches in range(sum(counts) // size + 1) if fit(counts, size, batches)]
    assert _most_full(np.array(counts, np.int64), size) == max(possible)


@pytest.mark.parametrize("size", [1, 3, 64])
def test_the_bound_of_counts_too_large_to_try_each(size: int) -> None:
    counts = (np.random.default_rng(3).pareto(0.4, 200) * 1e6).clip(max=2**50).astype(np.int64)
    batches = _most_full(counts, size)
    assert fit(counts.tolist(), size, batches)
    assert not fit(counts.tolist(), size, batches + 1)


def line_by_row(keys: Ints, steps: int, seed: int) -> list[int]:
    """The order of dealing, row by row, with `_line`'s draws."""
    rng, counts = np.random.default_rng(seed), Counter(keys.ravel().tolist())
    often = [[counts[key] for key in row] for row in keys.tolist()]
    hub_rows = [row for row, own in enumerate(often) if max(own) > steps / 8]
    plain = rng.permutation([row for row, own in enumerate(often) if max(own) <= steps / 8])
    factors = rng.lognormal(sigma=0.5, size=len(hub_rows)).tolist()
    crowding = {row: sorted(often[row])[-2:][0] * factor for row, factor in zip(hub_rows, factors, strict=True)}
    lots, rows_of = rng.permutation(len(hub_rows)), dict[int, list[int]]()
    for row in hub_rows:
        rows_of.setdefault(int(keys[row, np.argmax(often[row])]), []).append(row)
    lot = {hub: lots[hub_rows.index(rows[0])] for hub, rows in rows_of.items()}
    ranked = [sorted(rows_of[hub], key=crowding.__getitem__) for hub in sorted(lot, key=lambda h: (-counts[h], lot[h]))]
    dealt, spare = ([row for rows in ranked for row in rows[part]] for part in (slice(steps), slice(steps, None)))
    return [*dealt, *plain.tolist(), *spare]


@pytest.mark.parametrize("columns", [1, 2, 3, 5])
@pytest.mark.parametrize("steps", [0, 1, 3, 8, 16, 100])
def test_hubs_come_first_by_frequency_and_what_they_have_to_spare_comes_last(columns: int, steps: int) -> None:
    rng = np.random.default_rng([columns, steps])
    for distinct in (5, 60, 2_000):  # of the last, in one column, more are hubs than a byte can number
        weights = 1 / np.arange(1, distinct + 1)
        keys = rng.choice(distinct, (800, columns), p=weights / weights.sum())
        often = np.bincount(keys.ravel()).take(keys.T)
        made = _line(*_most_frequent(keys.T, often), steps, np.random.default_rng(steps))
        assert made.tolist() == line_by_row(keys, steps, steps)


def test_places_are_sorted_as_by_a_stable_sort_with_and_without_equal_values() -> None:
    values = np.random.default_rng(4).random(5_000)
    for each in (values, np.round(values, 2), np.append(values, values[-1]), values[:1], values[:0]):
        assert _sorted_places(each).tolist() == sorted(range(len(each)), key=each.tolist().__getitem__)


def test_each_distinct_key_has_its_first_place_in_the_order_of_keys() -> None:
    for keys in ([3, 0, 3, 7, 0, 7, 7], [0], [5, 5], []):
        first, which = _first_and_which(np.array(keys, np.int64))
        assert first.tolist() == [keys.index(key) for key in sorted(set(keys))]
        assert which.tolist() == [sorted(set(keys)).index(key) for key in keys]


@pytest.mark.parametrize("cpus", [1, 3])
@pytest.mark.parametrize("at_once", [1, 500])
def test_how_many_rows_claim_their_seats_at_once_changes_no_plan(
    cpus: int, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By default all 2,000 do, in one block and without a thread."""
    keys = np.random.default_rng(5).integers(0, 700, (2_000, 3))
    expected = plan(keys, 64, 0, 0).batches
    assert len(expected) > 20
    monkeypatch.setattr(bin_packing, "_AT_ONCE", at_once)
    monkeypatch.setattr(bin_packing.os, "cpu_count", lambda: cpus)
    assert np.array_equal(plan(keys, 64, 0, 0).batches, expected)


def test_rows_with_a_hub_are_not_all_first_in_their_batches() -> None:
    keys = np.arange(9_000).reshape(-1, 3)
    keys[:90, 2] = 0
    places = [np.nonzero(plan(keys, 16, 0, epoch).batches < 90)[1].mean() for epoch in range(20)]
    assert 6 < np.mean(places) < 9
    assert min(places) < 3 < 12 < max(places)
