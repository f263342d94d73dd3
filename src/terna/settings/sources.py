"""Settings files, checked before Hydra or DVC composes them: both act on some of what a file can say."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from io import StringIO
from pathlib import Path
from typing import Any

import yaml
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from terna.errors import SettingsError
from terna.settings.interpolation import LARGEST, foreign
from terna.settings.plain import DEEPEST, SHOWN, first_line, unfit

# what DVC and the stages read: composed already, so that nothing is left to compose
COMPOSED = "params"
REMEDY = "`make params` composes it from conf/"
HEADER = re.compile(r"^\s*#.*@package\s*:?\s*(\S+)", re.MULTILINE)
# of a file, the part in which Hydra looks for such a header
HEADED = 512


@dataclass
class Open:
    """A mapping or list that is being read: its anchor, and the characters that it holds so far."""

    anchor: str | None
    size: int = 1


def check_files(folder: Path, name: str) -> None:
    """Check the file that Hydra composes from, and all that it can choose from in its folder.

    Raises SettingsError with every fault: what is no YAML, a key twice, a resolver such as `${oc.env:HOME}`, settings
    of Hydra's own.
    """
    first = folder / (name if name.endswith((".yaml", ".yml")) else f"{name}.yaml")
    composed = first.stem == COMPOSED
    if not composed and not first.is_file():
        raise SettingsError([f"{_where(first)}: no such file; see --config-path and --config-name"])
    faults = list(_file(first, composed) if composed else _folder(folder))
    if faults:
        raise SettingsError(faults)


def check_folder(folder: Path) -> None:
    """Check all that Hydra can choose from in a folder; SettingsError with every fault."""
    if faults := list(_folder(folder)):
        raise SettingsError(faults)


def _folder(folder: Path) -> Iterator[str]:
    for path in sorted(one for ending in ("*.yaml", "*.yml") for one in folder.rglob(ending)):
        if path.relative_to(folder).parts[0] == "hydra":
            yield f"{_where(path)}: settings of Hydra's own are fixed; remove the folder hydra/"
        else:
            yield from _file(path, composed=False)


def _file(path: Path, composed: bool) -> Iterator[str]:
    where = _where(path)
    try:
        found = _said(_text(path), composed)
    except SettingsError as error:
        remedy = REMEDY if composed else "correct the file"
        yield from (f"{where}{fault}; {remedy}" for fault in error.faults)
    else:
        yield from (f"{where}: {fault}" for fault in found)


@lru_cache(maxsize=256)
def _said(text: str, composed: bool) -> tuple[str, ...]:
    """Faults of what a file says; SettingsError when it is no YAML. Kept: conf/ is composed again and again."""
    _bound(text)
    return tuple(_meant(_parsed(text), text[:HEADED], composed))


def _where(path: Path) -> str:
    """The path as seen from the working folder, where it lies in it."""
    whole = path.absolute()
    return str(whole.relative_to(Path.cwd())) if whole.is_relative_to(Path.cwd()) else str(path)


def _text(path: Path) -> str:
    if path.is_dir():
        raise SettingsError([": a folder, not a file"])
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except FileNotFoundError as error:
        raise SettingsError([": no such file"]) from error
    except OSError as error:
        raise SettingsError([f": cannot be read ({error.strerror})"]) from error
    if len(content) > LARGEST:
        raise SettingsError([f": larger than {LARGEST:,} bytes, the limit for a file of settings"])
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SettingsError([f", line {line}: byte {content[error.start]:#04x} is not UTF-8"]) from error


def _bound(text: str) -> None:
    """SettingsError for YAML that is malformed, too deep, or too large once its aliases are written out."""
    nested, sizes, documents = [Open(None)], {}, 0
    for event in _events(text):
        mark: Any = event.start_mark
        size, line = 0, mark.line + 1
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
        elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            nested.append(Open(event.anchor))
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            closed = nested.pop()
            sizes[closed.anchor], size = closed.size, closed.size
        elif isinstance(event, yaml.AliasEvent):
            size = sizes.get(event.anchor, 1)
            if event.anchor in [one.anchor for one in nested]:
                raise SettingsError([f", line {line}: *{event.anchor} contains itself"])
        elif isinstance(event, yaml.ScalarEvent):
            size = sizes[event.anchor] = len(event.value) + 1
        nested[-1].size += size
        if nested[-1].size > LARGEST or len(nested) > DEEPEST or documents > 1:
            reason = "a second document" if documents > 1 else "deeper, or more often repeated, than settings are"
            raise SettingsError([f", line {line}: {reason}"])


def _events(text: str) -> Iterator[yaml.Event]:
    try:
        yield from yaml.parse(text, Loader=yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        raise SettingsError([_place(error)]) from error
    except yaml.YAMLError as error:
        raise SettingsError([f": not valid YAML ({first_line(error)})"]) from error


def _place(error: yaml.MarkedYAMLError) -> str:
    mark: Any = error.problem_mark or error.context_mark
    place = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    return f"{place}: not valid YAML for settings ({error.problem or error.context})"


def _parsed(text: str) -> Any:
    """What the file holds, as Hydra reads it: a mapping, or something that is none."""
    try:
        return OmegaConf.to_container(OmegaConf.load(StringIO(text)), resolve=False)
    except yaml.MarkedYAMLError as error:
        raise SettingsError([_place(error)]) from error
    except OmegaConfBaseException as error:
        raise SettingsError([f": {error.full_key}: {first_line(error)}"]) from error
    except AssertionError as error:  # OmegaConf's own, on a lone value that it reads in two ways
        raise SettingsError([": a lone value, not settings by key"]) from error
    # a number that Python does not read; a tag on what it does not fit; neither a mapping nor a list; text in which
    # Hydra's parser of YAML sees another depth than libyaml
    except (yaml.YAMLError, ValueError, TypeError, AttributeError, LookupError, OSError, RecursionError) as error:
        raise SettingsError([f": not valid YAML for settings ({first_line(error)[:SHOWN]})"]) from error


def _meant(data: Any, head: str, composed: bool) -> Iterator[str]:
    """Faults of what a sound file says: odd keys and values, resolvers, and what steers Hydra."""
    if not isinstance(data, dict):
        yield f"a {type(data).__name__}, not settings by key; {REMEDY if composed else 'write key: value'}"
        return
    if "hydra" in data:
        yield "hydra: settings of Hydra's own run what they name; remove the section"
    for package in HEADER.findall(head):
        if composed or "hydra" in package:
            yield f"# @package {package}: moves the file's settings to another place; remove the line"
    if composed and "defaults" in data:
        yield f"defaults: composed settings choose no groups; remove the list, or {REMEDY}"
    elif "hydra" in str(data.get("defaults")):
        yield "defaults: chooses settings of Hydra's own; remove what names hydra"
    for key, value in data.items():
        yield from unfit(str(key), value, foreign)
        yield from _key(key)


def _key(key: Any) -> Iterator[str]:
    if not isinstance(key, str):
        yield f"{key}: a key is text, not {key!r}; put it in quotes"
    elif "${" in key:
        yield f"{key}: a key interpolates nothing; write it out"
