"""Settings of a small run: the model from random weights, which trains in seconds."""

from collections.abc import Iterable


def small(overrides: Iterable[str] = ()) -> list[str]:
    """The overrides on experiment=scratch, or on the experiment that they name."""
    words = list(overrides)
    return words if any(word.startswith("experiment=") for word in words) else ["experiment=scratch", *words]
