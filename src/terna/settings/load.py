"""One way in: composed mapping → `Settings`, or every fault at once."""

import difflib
import inspect
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import TypeAdapter, ValidationError

from terna.errors import SettingsError
from terna.settings.checks import CHECKS
from terna.settings.declaration import NAMED, NAMES
from terna.settings.interpolation import foreign, resolved
from terna.settings.kinds import kinds_of
from terna.settings.plain import SHOWN, first_line, shown, unfit, written
from terna.settings.schema import Settings
from terna.settings.sources import REMEDY, check_files
from terna.settings.wanted import wanted

# Hydra of an override without + of a key that is not composed
ABSENT = re.compile(r"^Could not override '([^']+)'")
# and of `group=null` and `group=1`, as a ValueError
GROUP = "Config group override must be"
# faults in a message
MOST = 50

# what does the work of a launcher and of a sweeper here
INSTEAD = {
    "launcher": "for several jobs at a time: dvc exp run --queue -S …, then dvc queue start --jobs N",
    "sweeper": "to look for the best settings: make search",
}


def load(config: Any, *, checked: bool = False) -> Settings:
    """Turn a composed config (DictConfig or plain mapping) into `Settings`.

    Raises SettingsError with every fault: unknown keys with the nearest valid name, wrong types,
    values out of range, and impossible combinations among the groups that are sound themselves, unless `checked` says
    that these were looked for before.
    """
    sound, faults = groups(config, Settings)
    faults += [] if checked else _combinations(sound)
    if faults:
        raise SettingsError(_few(faults))
    return Settings(**sound)


def groups(config: Any, schema: type) -> tuple[dict[str, Any], list[str]]:
    """The groups of a composed config that fit the schema, a dataclass, and the faults of the others."""
    plain: Any = resolved(config) if OmegaConf.is_config(config) else config
    if not isinstance(plain, Mapping):
        raise SettingsError([f"settings: a {type(plain).__name__}, not settings by key; compose them from conf/"])
    hints = get_type_hints(schema, include_extras=True)
    unknown = [str(key)[:SHOWN] for key in plain if key not in hints]
    faults = [f"{key}: unknown key{_nearest([key], schema)}" for key in unknown[:MOST]] + unknown[MOST:]
    sound: dict[str, Any] = {}
    for name, hint in hints.items():
        try:
            sound[name] = _group(hint, name, plain, schema)
        except SettingsError as error:
            faults += error.faults
    return sound, faults


def compose(conf: Path, overrides: list[str], name: str = "config") -> dict[str, Any]:
    """Compose conf/<name>.yaml with overrides in Hydra's grammar, as DVC does: every interpolation resolved.

    Also within a stage, which Hydra runs. Raises SettingsError for files and overrides that no settings come from, and
    for resolvers in either.
    """
    from hydra import compose as hydra_compose
    from hydra import initialize_config_dir

    check_files(conf, name)
    check_words(overrides)
    if faults := [f"{word}: {reason}" for word in overrides if (reason := foreign(word))]:
        raise SettingsError(faults)
    with composing(), _beside_a_stage(), initialize_config_dir(str(conf.resolve()), version_base="1.3"):
        config = hydra_compose(name, overrides=overrides)
    plain: dict[str, Any] = resolved(config)
    return plain


@contextmanager
def _beside_a_stage() -> Iterator[None]:
    """Hydra as if it ran no stage: it composes for one at a time."""
    from hydra.core.global_hydra import GlobalHydra

    known = GlobalHydra.instance()
    running, known.hydra = known.hydra, None
    try:
        yield
    finally:
        known.hydra = running


def check_words(words: Sequence[str]) -> None:
    """SettingsError for each override that Hydra's grammar does not have, and each launcher or sweeper but its own.

    Others run jobs where a failed one, or a score, is lost.
    """
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    parser, faults = OverridesParser.create(), []
    for word in words:
        try:
            key = parser.parse_override(word).key_or_group
        except HydraException as error:
            given = shown(word.removeprefix("++"))
            faults.append(
                f"{given}: no override ({first_line(error)}); write key=value, and quote what is no plain word"
            )
        else:
            part = next((one for one in INSTEAD if re.fullmatch(rf"hydra[/.]{one}\b.*", key)), None)
            if part and word.lstrip("+") != f"hydra/{part}=basic":
                faults.append(f"{shown(word)}: not for a stage, whose {part} is Hydra's own, basic; {INSTEAD[part]}")
    if faults:
        raise SettingsError(faults)


@contextmanager
def composing() -> Iterator[None]:
    """What Hydra and OmegaConf refuse as they compose becomes a SettingsError."""
    from hydra.errors import HydraException

    try:
        yield
    except (HydraException, OmegaConfBaseException) as error:
        raise SettingsError([_uncomposed(error)]) from error
    except ValueError as error:
        if not str(error).startswith(GROUP):
            raise
        raise SettingsError([_uncomposed(error)]) from error


def _uncomposed(error: Exception) -> str:
    """What Hydra says of settings that it cannot compose; of a key that there is not, what was meant."""
    if named := ABSENT.search(str(error)):
        key = named[1]
        meant = f"; write +{key}=… to add it" if kinds_of(key) else _nearest(key.split("."), Settings)
        return f"{key}: the settings have no such key{meant}"
    cause = f" ({first_line(error.__cause__)})" if error.__cause__ else ""
    said = " ".join(str(error).partition("Config search path")[0].split())
    return f"{said}{cause}; correct the override or conf/"


def _group(hint: Any, name: str, plain: Mapping[str, Any], schema: type) -> Any:
    """The group `name`, checked; SettingsError with its faults."""
    if name not in plain:
        raise SettingsError([f"{name}: missing; {REMEDY}"])
    if faults := list(unfit(name, plain[name])):
        raise SettingsError(faults)
    try:
        # through JSON: pydantic's strict mode then takes mappings for dataclasses, and still no text for numbers
        return TypeAdapter(hint).validate_json(json.dumps(plain[name]))
    except ValidationError as error:
        found = error.errors()
        told = [_sentence(name, fault, schema) for fault in found[:MOST]]
        raise SettingsError(told + [name] * len(found[MOST:])) from error


def _few(faults: list[str]) -> list[str]:
    """The first of many faults, and how many more there are."""
    return faults if len(faults) <= MOST else [*faults[:MOST], f"and {len(faults) - MOST} more"]


def _combinations(sound: Mapping[str, Any]) -> Iterator[str]:
    for check in CHECKS:
        needed = inspect.signature(check).parameters
        if all(name in sound for name in needed):
            yield from check(**{name: sound[name] for name in needed})


def _sentence(group: str, fault: Mapping[str, Any], schema: type) -> str:
    path = [group, *(str(part) for part in fault["loc"])]
    key = ".".join(part[:SHOWN] for part in path)
    if fault.get("ctx", {}).get("pattern") == NAMES or path[-1] == "[key]":
        return f"{key.removesuffix('.[key]')}: {shown(fault['input'])} is not a valid name; {NAMED}"
    if fault["type"] == "unexpected_keyword_argument":
        return f"{key}: unknown key{_nearest(path, schema)}"
    if fault["type"] == "missing":
        return f"{key}: missing"
    if allowed := wanted(".".join(path), fault):
        return f"{key}: {written(fault['input'])} is not allowed; give {allowed}"
    return f"{key}: {fault['msg']}, not {written(fault['input'])}"


def _nearest(path: list[str], schema: type) -> str:
    """The valid name most like the last part of `path`: among its siblings, else anywhere in the schema."""
    siblings = _names(schema, path[:-1])
    # as long as no name is: a comparison takes the product of the lengths
    if match := difflib.get_close_matches(path[-1][:SHOWN], siblings, n=1):
        return f"; did you mean {'.'.join([*path[:-1], *match])}?"
    elsewhere = [key for key in _keys(schema, "") if key.rsplit(".", 1)[-1] == path[-1]]
    if elsewhere:
        return f"; did you mean {elsewhere[0]}?"
    return f"; valid here: {', '.join(siblings)}"


def _names(schema: Any, path: list[str]) -> list[str]:
    for part in path:
        hints = get_type_hints(schema) if is_dataclass(schema) else {}
        schema = (_dataclass_in(hints[part]) if part in hints else None) or schema
    return [field.name for field in fields(schema)]


def _keys(schema: Any, prefix: str) -> Iterator[str]:
    for name, hint in get_type_hints(schema).items():
        yield f"{prefix}{name}"
        inner = _dataclass_in(hint)
        if inner is not None and not str(hint).startswith(("dict", "list")):
            yield from _keys(inner, f"{prefix}{name}.")


def _dataclass_in(hint: Any) -> Any:
    """The dataclass inside `X`, `X | None`, `list[X]`, `dict[str, X]` or `Annotated[X, …]`, or None."""
    if is_dataclass(hint):
        return hint
    return next((found for found in map(_dataclass_in, get_args(hint)) if found is not None), None)
