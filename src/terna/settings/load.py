"""One way in: composed mapping → `Settings`, or every fault at once."""

import difflib
import inspect
import json
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

from omegaconf import OmegaConf
from pydantic import TypeAdapter, ValidationError

from terna.errors import SettingsError
from terna.settings.checks import CHECKS
from terna.settings.schema import Settings


def load(config: Any) -> Settings:
    """Turn a composed config (DictConfig or plain mapping) into `Settings`.

    Raises SettingsError with every fault: unknown keys with the nearest valid name, wrong types,
    values out of range, and impossible combinations among the groups that are sound themselves.
    """
    plain: Any = OmegaConf.to_container(config, resolve=True) if OmegaConf.is_config(config) else config
    hints = get_type_hints(Settings, include_extras=True)
    faults = [f"{key}: unknown key{_nearest([key])}" for key in plain if key not in hints]
    sound: dict[str, Any] = {}
    for name, hint in hints.items():
        try:
            sound[name] = _group(hint, name, plain)
        except ValidationError as error:
            faults += [_sentence(name, fault) for fault in error.errors()]
    faults += _combinations(sound)
    if faults:
        raise SettingsError(faults)
    return Settings(**sound)


def compose(conf: Path, overrides: list[str], name: str = "config") -> dict[str, Any]:
    """Compose conf/<name>.yaml with overrides in Hydra's grammar, as DVC does: every interpolation resolved."""
    from hydra import compose as hydra_compose
    from hydra import initialize_config_dir

    with initialize_config_dir(str(conf.resolve()), version_base="1.3"):
        config = hydra_compose(name, overrides=overrides)
    resolved: dict[str, Any] = OmegaConf.to_container(config, resolve=True)  # type: ignore[assignment]
    return resolved


def _group(hint: Any, name: str, plain: Mapping[str, Any]) -> Any:
    # through JSON: pydantic's strict mode then takes mappings for dataclasses, and still no text for numbers
    return TypeAdapter(hint).validate_json(json.dumps(plain.get(name)))


def _combinations(sound: Mapping[str, Any]) -> Iterator[str]:
    for check in CHECKS:
        needed = inspect.signature(check).parameters
        if all(name in sound for name in needed):
            yield from check(**{name: sound[name] for name in needed})


def _sentence(group: str, fault: Mapping[str, Any]) -> str:
    path = [group, *(str(part) for part in fault["loc"])]
    key = ".".join(path)
    if fault["type"] == "unexpected_keyword_argument":
        return f"{key}: unknown key{_nearest(path)}"
    if fault["type"] == "missing":
        return f"{key}: missing"
    return f"{key}: {fault['msg']}, not {fault['input']!r}"


def _nearest(path: list[str]) -> str:
    """The valid name most like the last part of `path`: among its siblings, else anywhere in the schema."""
    siblings = _names(Settings, path[:-1])
    if match := difflib.get_close_matches(path[-1], siblings, n=1):
        return f"; did you mean {'.'.join([*path[:-1], *match])}?"
    elsewhere = [key for key in _keys(Settings, "") if key.rsplit(".", 1)[-1] == path[-1]]
    if elsewhere:
        return f"; did you mean {elsewhere[0]}?"
    return f"; valid here: {', '.join(siblings)}"


def _names(schema: Any, path: list[str]) -> list[str]:
    for part in path:
        hints = get_type_hints(schema) if is_dataclass(schema) else {}
        schema = _dataclass_in(hints[part]) if part in hints else schema
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
