"""docs/troubleshooting.md quotes messages that the code has."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from terna.errors import SettingsError
from terna.settings import compose

GAP = "…"


@pytest.fixture(scope="module")
def page(root: Path) -> str:
    return (root / "docs" / "troubleshooting.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def texts(root: Path) -> list[str]:
    """Every text in the code, with a gap for each value that is filled in."""
    files = [*sorted((root / "src").rglob("*.py")), *sorted((root / "pipelines").glob("*.py"))]
    return [text for file in files for text in texts_of(ast.parse(file.read_text(encoding="utf-8")))]


def texts_of(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else GAP for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def quoted(page: str) -> list[str]:
    """The message in the first cell of each row."""
    return re.findall(r"^\| `([^`]+)` \|", page, re.MULTILINE)


def pattern(message: str) -> re.Pattern[str]:
    """A message as it may stand in a text: a gap is any stretch that begins and ends anywhere."""
    return re.compile(".*".join(re.escape(part) for part in message.split(GAP)), re.DOTALL)


def test_each_message_is_in_the_code(page: str, texts: list[str]) -> None:
    messages = quoted(page)
    assert len(messages) >= 30
    assert len(messages) == len(re.findall(r"^\| .*`", page, re.MULTILINE)), "a row without a message"
    missing = [message for message in messages if not any(pattern(message).search(text) for text in texts)]
    assert missing == []


def test_what_stays_of_a_message_without_its_gaps_is_enough_to_search_for(page: str) -> None:
    for message in quoted(page):
        assert max(len(part.strip()) for part in message.split(GAP)) >= 10, message


def test_a_message_that_the_code_does_not_have_is_found_out(texts: list[str]) -> None:
    assert not any(pattern("…: received an HTML page, not the file that was wanted").search(text) for text in texts)


def test_hydra_says_what_is_quoted_of_it(page: str, root: Path) -> None:
    assert "`Key '…' is not in struct`" in page
    with pytest.raises(SettingsError) as caught:
        compose(root / "conf", ["train.lrr=1"])
    hydra = caught.value.__cause__
    assert hydra and "Key 'lrr' is not in struct" in str(hydra.__cause__)
    compose(root / "conf", ["+train.weights.xnli=2.0"])
