"""`${model.max_length}` in settings: what it may refer to, and how much it may become."""

import re
from collections.abc import Iterator
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from terna.errors import SettingsError
from terna.settings.plain import first_line

# characters of a settings file, and of all settings once they are interpolated
LARGEST = 1 << 18
# values that an interpolation goes through before it comes to one that is written out
LONGEST = 10
REFERENCE = re.compile(r"\$\{([^${}:]*)\}")
# reads nothing but the settings: conf/config.yaml names the corpora with it
KEYS = re.compile(r"\$\{oc\.dict\.keys:[\w.]+\}")

# from the top of the settings: keys of mappings, places in lists
Path = tuple[Any, ...]


def foreign(text: str) -> str | None:
    """Why a text is refused in a file: it interpolates with a resolver, or one interpolation within another."""
    # Hydra's grammar of overrides lets a backslash stand before a bracket or a colon
    rest = REFERENCE.sub("", KEYS.sub("", text.replace("\\", "")))
    if "${" not in rest:
        return None
    return "resolvers are not allowed here; write the value, or another setting's key, as in ${seed}"


def resolved(config: Any) -> Any:
    """A composed config as plain values; SettingsError when an interpolation has no end or names what is not there."""
    try:
        raw = OmegaConf.to_container(config, resolve=False)
        _Sizes(raw).of((), ())
        return OmegaConf.to_container(config, resolve=True)
    except OmegaConfBaseException as error:
        key = error.full_key or "settings"
        raise SettingsError([f"{key}: {first_line(error)}; correct the interpolation"]) from error


class _Sizes:
    """How many characters each value has once it is interpolated, without interpolating."""

    def __init__(self, raw: Any) -> None:
        self.raw = raw
        self.known: dict[Path, int] = {}

    def of(self, path: Path, through: tuple[Path, ...]) -> int:
        """The size at `path`, which was come to `through` others; SettingsError when it is too large or endless."""
        if path in self.known:
            return self.known[path]
        size = 1
        for part, target in _parts(self.raw, path):
            met = (*through, path) if target else through
            if target and (part in met or len(met) > LONGEST):
                raise SettingsError([f"{_key(met[0])}: interpolates in a circle or through too many keys"])
            size += self.of(part, met)
        value = _at(self.raw, path)
        size += len(value) if isinstance(value, str) else 0
        if size > LARGEST:
            raise SettingsError([f"{_key(path)}: more than {LARGEST:,} characters once interpolated; write it out"])
        self.known[path] = size
        return size


def _key(path: Path) -> str:
    return ".".join(map(str, path)) or "settings"


def _parts(raw: Any, path: Path) -> Iterator[tuple[Path, bool]]:
    """The paths that the value at `path` is made of, and whether it refers to them or holds them."""
    value = _at(raw, path)
    if isinstance(value, dict):
        yield from (((*path, key), False) for key in value)
    elif isinstance(value, list):
        yield from (((*path, place), False) for place in range(len(value)))
    elif isinstance(value, str):
        for reference in REFERENCE.findall(value):
            if (target := _target(raw, path, reference.strip())) is not None:
                yield target, True


def _target(raw: Any, path: Path, reference: str) -> Path | None:
    """What `reference`, at `path`, refers to: a path, as far as no other interpolation stands in its way, or None."""
    up = len(reference) - len(reference.lstrip("."))
    target: Path = path[: max(len(path) - up, 0)] if up else ()
    for part in (part for part in re.split(r"[.\[\]]+", reference) if part):
        value = _at(raw, target)
        if isinstance(value, str):
            break
        place = int(part) if isinstance(value, list) and part.isdecimal() else part
        if not (place in value if isinstance(value, dict) else isinstance(value, list) and place in range(len(value))):
            return None
        target = (*target, place)
    return target


def _at(raw: Any, path: Path) -> Any:
    for part in path:
        raw = raw[part]
    return raw
