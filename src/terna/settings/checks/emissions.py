"""The country whose electricity a training uses."""

import json
from collections.abc import Iterator
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from re import fullmatch

from terna.settings.plain import written
from terna.settings.schema import Machine

# codecarbon's mixes of electricity by country, in its package
MIXES = Path("data/private_infra/global_energy_mix.json")


def check_emissions(machine: Machine) -> Iterator[str]:
    given = machine.emissions
    if given is None:
        return
    if machine.nodes > 1:
        yield "machine.emissions: one machine is measured; set machine.nodes to 1, or this to null"
    known = _countries()
    if given in known or (not known and fullmatch("[A-Z]{3}", given)):
        return
    names = {name.casefold(): code for code, name in known.items()} | {code.casefold(): code for code in known}
    near = dict.fromkeys(names[one] for one in get_close_matches(given.casefold(), names, n=5))
    meant = f"; did you mean {', '.join(f'{code} ({known[code]})' for code in near)}?" if near else ""
    yield (
        f"machine.emissions: {written(given)} is no ISO 3166-1 alpha-3 code of a country that codecarbon has figures "
        f"of{meant or ', such as ESP'}"
    )


def _countries() -> dict[str, str]:
    """The name of each country by its code; empty where codecarbon is not installed, or keeps them elsewhere."""
    package = find_spec("codecarbon")
    path = Path(package.origin).parent / MIXES if package and package.origin else None
    if not path or not path.is_file():
        return {}
    mixes = json.loads(path.read_text(encoding="utf-8"))
    return {code: mix["country_name"] for code, mix in mixes.items() if fullmatch("[A-Z]{3}", code)}
