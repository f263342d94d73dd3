"""What a search may choose from, in Hydra's grammar for sweeps with two short forms.

`train.batch_size=32,64` names values, one value alone is fixed; `train.warmup=0.0:0.2` is short for
`interval(0.0,0.2)`, `train.lr=log(1e-5,1e-4)` for `tag(log,interval(1e-5,1e-4))`.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, IntervalSweep, RangeSweep
from hydra.errors import HydraException

from terna.errors import SettingsError
from terna.settings import kinds_of

NUMBER = r"([-+]?[\d.][\d.eE+_-]*)"
SHORT = (
    (re.compile(rf"log\({NUMBER},{NUMBER}\)"), r"tag(log,interval(\1,\2))"),
    (re.compile(rf"{NUMBER}:{NUMBER}"), r"interval(\1,\2)"),
)
# of a drawn number: a rate that differs by less trains no better
DIGITS = 3


@dataclass(frozen=True)
class Choice:
    """Values of a setting as they are written in an override; one alone is fixed."""

    key: str
    values: tuple[str, ...]

    def words(self) -> list[str]:
        """An override for each value."""
        return [self.word(value) for value in self.values]

    def word(self, value: str) -> str:
        """The override for a value."""
        return f"{self.key}={value}"

    def value(self, word: str) -> str:
        """The value that an override sets."""
        return word.partition("=")[2]


@dataclass(frozen=True)
class Range:
    """Numbers from low to high, both included; log: drawn so that each order of magnitude is as likely."""

    key: str
    low: float
    high: float
    log: bool
    whole: bool

    def words(self) -> list[str]:
        """An override for each end."""
        return [self.word(self.low), self.word(self.high)]

    def word(self, value: float) -> str:
        """The override for a number, to DIGITS digits and within the range."""
        if self.whole:
            return f"{self.key}={round(value)}"
        return f"{self.key}={min(max(float(f'{value:.{DIGITS}g}'), self.low), self.high)!r}"

    def value(self, word: str) -> float:
        """The number that an override sets."""
        text = word.partition("=")[2]
        return int(text) if self.whole else float(text)


Parameter = Choice | Range


def parse(words: Iterable[str]) -> list[Parameter]:
    """The space that `words` describe; the schema says which numbers are whole.

    Raises SettingsError with each word that is no choice and no range.
    """
    found: list[Parameter] = []
    faults: list[str] = []
    for word in words:
        try:
            found.append(_parsed(word))
        except (HydraException, ValueError) as error:
            faults.append(f"{word}: {_run_together(word) or str(error).splitlines()[0]}")
    keys = [one.key for one in found]
    faults += [f"{key}: given twice; name it once" for key in dict.fromkeys(keys) if keys.count(key) > 1]
    if not faults and all(len(one.words()) == 1 for one in found):
        faults.append("nothing to search for: give a setting several values or a range, train.lr=log(1e-5,1e-4)")
    if faults:
        raise SettingsError(faults)
    return found


def _run_together(word: str) -> str | None:
    """What to do about a word that holds a second setting's name; None where it does not."""
    names = [name for name in re.findall(r"([a-z_.]+)=", word.partition("=")[2]) if kinds_of(name)]
    return f"two settings in one word; put a space before {names[0]}" if names else None


def combined(space: Sequence[Parameter]) -> list[list[str]]:
    """Overrides as trials have them together: all that are fixed, with each value and each end of a range."""
    fixed = [one.words()[0] for one in space if len(one.words()) == 1]
    return [[*fixed, word] for one in space if len(one.words()) > 1 for word in one.words()]


def _parsed(word: str) -> Parameter:
    key, _, value = word.partition("=")
    if not value:
        raise ValueError("no value; give key=value,value… or key=low:high or key=log(low,high)")
    for form, whole in SHORT:
        if form.fullmatch(value):
            value = form.sub(whole, value)
    override = OverridesParser.create().parse_override(f"{key}={value}")
    swept = override.value()
    if isinstance(swept, IntervalSweep):
        return _range(key, swept)
    if isinstance(swept, ChoiceSweep | RangeSweep):
        return Choice(key, tuple(dict.fromkeys(map(str, override.sweep_string_iterator()))))
    return Choice(key, (str(override.get_value_element_as_str()),))


def _range(key: str, swept: IntervalSweep) -> Range:
    low, high, log = float(swept.start or 0), float(swept.end or 0), "log" in swept.tags
    kinds = kinds_of(key)
    # a key that the schema does not have is refused with the nearest name when the settings are loaded
    if kinds and int not in kinds and float not in kinds:
        raise ValueError("a range needs numbers; list the values, with commas between")
    whole = int in kinds and float not in kinds
    if whole and not (low.is_integer() and high.is_integer()):
        raise ValueError("a whole number is wanted here; give whole ends")
    if not low < high or (log and low <= 0):
        raise ValueError("a range rises" + (", and on a log scale it starts above 0" if log else ""))
    return Range(key, low, high, log, whole)
