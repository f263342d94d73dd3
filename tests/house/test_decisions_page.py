"""docs/decisions.md draws the house as it stands: its rooms, its ground files, its floors, the stages of each room."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from documented import section


@pytest.fixture(scope="module")
def page(root: Path) -> str:
    return section((root / "docs" / "decisions.md").read_text(encoding="utf-8"), "The house")


@pytest.fixture(scope="module")
def rooms(page: str) -> dict[str, set[str]]:
    """The stages of each room, as the page's table has them."""
    rows = re.findall(r"^\| `(\w+)` \| [^|]+ \| ?([^|]*)\|$", page, re.MULTILINE)
    return {room: set(filter(None, stages.strip().split(", "))) for room, stages in rows}


def test_rooms_and_ground_files_are_those_of_the_library(root: Path, page: str, rooms: dict[str, set[str]]) -> None:
    library = root / "src" / "terna"
    assert set(rooms) == {path.parent.name for path in library.glob("*/__init__.py")}
    [ground] = re.findall(r"^Ground files are .*?\n\n", page, re.MULTILINE | re.DOTALL)
    assert set(re.findall(r"`(\w+\.py)`", ground)) == {path.name for path in library.glob("*.py")}


def test_the_stages_of_a_room_are_those_that_depend_on_it(root: Path, rooms: dict[str, set[str]]) -> None:
    graph = yaml.safe_load((root / "dvc.yaml").read_text())["stages"]
    for room, stages in rooms.items():
        inside = f"src/terna/{room}/"
        assert stages == {
            name for name, stage in graph.items() if any(f"{dep}/".startswith(inside) for dep in stage["deps"])
        }


def test_floors_are_those_that_the_import_contract_holds(root: Path, page: str) -> None:
    contracts = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    [layers] = [contract["layers"] for contract in contracts if contract["type"] == "layers"]
    [drawn] = re.findall(r"^```\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert drawn.splitlines() == layers
