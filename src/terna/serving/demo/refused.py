"""What the page's server says no to, with a status of HTTP and words in the reader's language."""

import functools
import json
import re
from http import HTTPStatus
from pathlib import Path

from terna.errors import TernaError

PAGE = Path(__file__).parent / "page"
# the first is spoken where none of them is asked for
LANGUAGES = ("es", "en")


class Refused(TernaError):
    """A request that is refused: `key` names its words in page/words.json, `values` fill their gaps."""

    def __init__(self, status: HTTPStatus, key: str, **values: object) -> None:
        self.status = status
        self.key = key
        self.values = values
        super().__init__(self.told("en"))

    def told(self, language: str) -> str:
        """The words in one of LANGUAGES."""
        return words()[self.key][language].format(**self.values)


@functools.cache
def words() -> dict[str, dict[str, str]]:
    """All words of the page and its errors: key → language → text with gaps in braces."""
    found: dict[str, dict[str, str]] = json.loads((PAGE / "words.json").read_text(encoding="utf-8"))
    return found


def language_of(accepted: str) -> str:
    """The first of LANGUAGES that an Accept-Language header names, else Spanish."""
    named = (tag.strip().lower() for tag in re.findall(r"(?:^|,)\s*(\w+)", accepted))
    return next((tag for tag in named if tag in LANGUAGES), LANGUAGES[0])
