"""The settings files of an experiment, and the settings that they compose to."""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from terna.errors import DataError
from terna.records import write_text
from terna.settings import Settings, compose, load

FOLDER = Path("conf")
# how each of them begins: what does not is somebody's own, and is never overwritten
MARK = "# Made by `python -m terna new`"
GLOBAL = "# @package _global_\n"
# text that YAML reads as text in all its versions; the rest is quoted
PLAIN = re.compile(r"[A-Za-z]([A-Za-z0-9_ /.-]*[A-Za-z0-9])?")
WORDS = ("true", "false", "yes", "no", "y", "n", "on", "off", "null", "nan", "inf")


class _Writer(yaml.SafeDumper):
    """Quotes whatever could be read as something else than text."""


def _quoted(writer: yaml.SafeDumper, text: str) -> yaml.Node:
    plain = PLAIN.fullmatch(text) and text.lower() not in WORDS
    return writer.represent_scalar("tag:yaml.org,2002:str", text, style=None if plain else '"')


_Writer.add_representer(str, _quoted)


def composed(files: Mapping[Path, str], name: str) -> Settings:
    """The settings of experiment `name` with these files, by their paths in conf/; SettingsError for faults."""
    with TemporaryDirectory() as folder:
        conf = Path(folder) / FOLDER.name
        shutil.copytree(FOLDER, conf)
        for path, text in files.items():
            write_text(text, conf / path)
        return load(compose(conf, [f"experiment={name}"]))


def check_free(files: Mapping[Path, str], *, force: bool) -> None:
    """Raise DataError for a file that is there, unless it was made by this command and `force` is set."""
    for path in files:
        where = FOLDER / path
        if not where.exists():
            continue
        own = where.is_file() and MARK in where.read_text(encoding="utf-8", errors="replace")[:500]
        if not own:
            raise DataError(f"{where}: already exists and was not made by this command; choose another --name")
        if not force:
            raise DataError(f"{where}: already exists; choose another --name, or overwrite it with --force")


def corpora(declared: Mapping[str, Mapping[str, Any]]) -> str:
    """A file of conf/corpora/."""
    return f"{MARK}\n{_yaml(declared)}"


def experiment(choices: Mapping[str, str], settings: Mapping[str, Any]) -> str:
    """A file of conf/experiment/. choices: the option of each group. settings: what differs from them."""
    defaults = "".join(f"  - override /{group}: {option}\n" for group, option in choices.items())
    return f"{GLOBAL}{MARK}\ndefaults:\n{defaults}\n{_yaml(settings)}"


def _yaml(value: Mapping[str, Any]) -> str:
    # what holds no others on one line
    return yaml.dump(
        _plain(value), Dumper=_Writer, sort_keys=False, default_flow_style=None, allow_unicode=True, width=10**6
    )


def _plain(value: Any) -> Any:
    """Mappings and lists as Python's own, each a new one: YAML writes an alias for one that comes twice."""
    if isinstance(value, Mapping):
        return {str(name): _plain(inner) for name, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value
