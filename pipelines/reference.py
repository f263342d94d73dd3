"""Write the reference of all settings from their schema.

reads   the schema in src/terna/settings/, conf/ composed without an override, dvc.yaml
does    lists each key with its type, its default, its meaning, and the stages that run again when it changes
writes  docs/settings.md

    python pipelines/reference.py        or: make reference
"""

from terna.running.command import alone

import inspect
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import yaml

from terna.records import write_text
from terna.settings import Settings, compose

PAGE = Path("docs/settings.md")
PLAIN = {str: "text", int: "whole number", float: "number", bool: "`true` or `false`", NoneType: "`null`"}
LIMITS = {
    "ge": "at least {}",
    "gt": "above {}",
    "le": "at most {}",
    "lt": "below {}",
    "min_length": "not empty",
    "max_length": "at most {} long",
}
HEAD = """# Settings

<!-- written by `make reference` from the schema; a test compares the two -->

Every key of `params.yaml`. "Runs again" names the stages that a change of the key runs again with `dvc repro`; the
stages after them run again if their inputs change. `NAME` is a name of your choice, `[]` an item of a list. The default
is that of `conf/` without an override; a dash means that the group around the key is `null` by default.
"""
# what release and report show, which is nearly everything
LAST = ("release", "report")


@dataclass(frozen=True)
class Key:
    """A setting: its dotted key, its type in words, and what its docstring says."""

    key: str
    kind: str
    meaning: str


@alone
def main() -> str:
    defaults, read = compose(Path("conf"), []), params()
    parts, count = [HEAD], 0
    for name, hint in get_type_hints(Settings, include_extras=True).items():
        rows = [*keys(name, hint, described(Settings)[name])]
        count += len(rows)
        parts.append(f"\n## {name}\n\n{inspect.getdoc(hint) or ''}\n\n" if is_dataclass(hint) else f"\n## {name}\n\n")
        parts.append("| key | type | default | meaning | runs again |\n|---|---|---|---|---|\n")
        parts += [
            f"| `{row.key}` | {row.kind} | {default(defaults, row.key)} | {row.meaning} | {rerun(read, row.key)} |\n"
            for row in rows
        ]
    write_text("".join(parts), PAGE)
    return f"{count} keys in {PAGE}"


def params() -> dict[str, list[str]]:
    """Of each stage the keys that dvc.yaml declares, `*` for what differs from one of its items to the next."""
    stages = yaml.safe_load(Path("dvc.yaml").read_text(encoding="utf-8"))["stages"]
    declared = {name: stage.get("do", stage).get("params", []) for name, stage in stages.items() if name not in LAST}
    return {name: [re.sub(r"\$\{.*?\}", "*", key) for key in found] for name, found in declared.items()}


def described(group: Any) -> dict[str, str]:
    """What the docstrings of a dataclass's fields say, on one line each and fit for a table."""
    fields = group.__pydantic_fields__.items()
    return {name: " ".join((field.description or "").split()).replace("|", "\\|") for name, field in fields}


def keys(key: str, hint: Any, meaning: str) -> Iterator[Key]:
    """A setting, unless it is a group that is always there, and all that it holds."""
    if not is_dataclass(hint):
        yield Key(key, worded(hint), meaning)
    for suffix, group in groups(hint):
        told = described(group)
        for name, inner in get_type_hints(group, include_extras=True).items():
            if name in told:
                yield from keys(f"{key}{suffix}.{name}", inner, told[name])


def groups(hint: Any) -> Iterator[tuple[str, Any]]:
    """The dataclasses that a type holds, each with what stands between its key and theirs."""
    if is_dataclass(hint):
        yield "", hint
    elif get_origin(hint) is Annotated:
        yield from groups(get_args(hint)[0])
    elif get_origin(hint) in (Union, UnionType):
        for each in get_args(hint):
            yield from groups(each)
    elif get_origin(hint) in (dict, list):
        for suffix, group in groups(get_args(hint)[-1]):
            yield f"{'.NAME' if get_origin(hint) is dict else '[]'}{suffix}", group


def worded(hint: Any) -> str:
    """A type in words."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return ", ".join([worded(inner[0]), *limits(inner[1:])])
    if origin in (Union, UnionType):
        return " or ".join(dict.fromkeys(map(worded, inner)))
    if origin is Literal:
        return ", ".join(f"`{each}`" for each in inner)
    if origin is dict:
        return f"{worded(inner[1])}, by name"
    if origin is list:
        return f"list of: {worded(inner[0])}"
    return PLAIN.get(hint, "group")


def limits(given: tuple[Any, ...]) -> Iterator[str]:
    """What a type's `Field` allows; the bound of what 32 bits hold is left out."""
    for constraint in (one for field in given for one in getattr(field, "metadata", ())):
        for name, words in LIMITS.items():
            value = getattr(constraint, name, None)
            if value is not None and value != 2**31:
                yield words.format(value)


def default(settings: Any, key: str) -> str:
    """The value of a key, the names of a group that holds things by name, or a dash where a group around it is null."""
    for part in key.split("."):
        if not isinstance(settings, dict) or part not in settings:
            return "–"
        settings = settings[part]
    if isinstance(settings, dict):
        return ", ".join(f"`{name}`" for name in settings) or "empty"
    return f"`{json.dumps(settings, ensure_ascii=False)}`".replace("|", "\\|")


def rerun(read: dict[str, list[str]], key: str) -> str:
    """The stages whose params hold the key, or a part of it."""
    parts = key.replace("[]", "").split(".")
    found = [name for name, params in read.items() if any(same(parts, one.split(".")) for one in params)]
    return ", ".join(found) or "nothing"


def same(parts: list[str], others: list[str]) -> bool:
    """Whether one of two keys holds the other."""
    return all(one == other or other == "*" for one, other in zip(parts, others, strict=False))


if __name__ == "__main__":
    main()
