"""What a section of the page is made of; page.html.j2 says how each looks."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from markupsafe import Markup, escape


@dataclass(frozen=True)
class Text:
    """A paragraph: Markdown of which `code`, **strong** and character references are known."""

    text: str
    kind: ClassVar[str] = "text"


@dataclass(frozen=True)
class Heading:
    """A heading within a section."""

    text: str
    level: int = 3
    kind: ClassVar[str] = "heading"


@dataclass(frozen=True)
class Table:
    """A table whose first column names its rows.

    columns: a letter for each: t text, w long text in `language`, c code, n number. marks: a word for each row that
    stands out, by its place.
    """

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    columns: str
    marks: Mapping[int, str] = field(default_factory=dict)
    language: str = "es"
    kind: ClassVar[str] = "table"


@dataclass(frozen=True)
class Plot:
    """A drawing, with a title, and in words what it shows."""

    title: str
    told: str
    svg: Markup
    note: str = ""


@dataclass(frozen=True)
class Plots:
    """Plots side by side, where there is room."""

    plots: Sequence[Plot]
    kind: ClassVar[str] = "plots"


@dataclass(frozen=True)
class Ranking:
    """A sentence, and under each title other sentences with a figure, the first the nearest."""

    sentence: str
    columns: Mapping[str, Sequence[tuple[str, str]]]


@dataclass(frozen=True)
class Rankings:
    """Sentences in `language`, each with others that are near it."""

    rankings: Sequence[Ranking]
    language: str = "es"
    kind: ClassVar[str] = "rankings"


@dataclass(frozen=True)
class Code:
    """Text whose lines stand as they are."""

    text: str
    kind: ClassVar[str] = "code"


@dataclass(frozen=True)
class Fold:
    """Blocks that are folded away until they are asked for."""

    summary: str
    blocks: Sequence["Block"]
    kind: ClassVar[str] = "fold"


Block = Text | Heading | Table | Plots | Rankings | Code | Fold


@dataclass(frozen=True)
class Section:
    """A part of the page."""

    anchor: str
    title: str
    blocks: Sequence[Block]


def breakable(text: str) -> Markup:
    """A name that may be broken at its underscores; it is escaped."""
    return escape(text).replace("_", Markup("_<wbr>"))


def inline(text: str) -> Markup:
    """`code`, **strong** and the character references of terna.markdown.escape as HTML; everything else is escaped."""
    marked = re.sub(r"`([^`]+)`|&amp;#(\d+);", _marked, str(escape(text)))
    return Markup(re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", marked))  # escaped above


def _marked(found: re.Match[str]) -> str:
    # what stars mean is read later, and within code they mean nothing
    return f"<code>{found[1].replace('*', '&#42;')}</code>" if found[1] else f"&#{found[2]};"
