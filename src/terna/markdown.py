"""Tables, code and figures as Markdown; the one place where text from outside is escaped."""

import re
from collections.abc import Iterable, Sequence

ABSENT = "–"

# the titles of a table and its rows
Rows = tuple[list[str], list[list[str]]]

# What could be read as markup: signs that mark up anywhere, `_` at the edge of a word, `<` and `&` where a tag or a
# character reference may begin, and what makes a block at the start of a line.
MARKUP = re.compile(
    r"[\\`*~|\[\]$]|(?<!\w)_+|_++(?!\w)|<(?!\s)|&(?=#?\w*(?:;|$))|^(?:>|[-+=:#]+(?=\s|$)|\d+[.)](?=\s|$))"
)
# what a code span shows as it is, in a paragraph and in a table alike
SPAN = re.compile(r"[^`|\s]+(?: [^`|\s]+)*")
# Unicode's Bidi_Control: invisible, and what stands behind one is shown in another order
BIDI = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


class Markdown(str):
    """Text that is Markdown already: `escape` and `table` leave it as it is, while any other string is escaped."""

    __slots__ = ()


def escape(value: object) -> Markdown:
    """A value as Markdown that shows it literally, on one line; what needs no escaping stays byte for byte.

    Markup becomes character references (`&#124;`): unlike a backslash, they mean the same in paragraphs, table cells,
    link targets and HTML. A bare address stays one: GitHub and the hub make it a link. Bidirectional controls: see
    `visible`.
    """
    if isinstance(value, Markdown):
        return value
    line = visible(" ".join(str(value).split()))
    return Markdown(MARKUP.sub(lambda found: "".join(f"&#{ord(sign)};" for sign in found[0]), line))


def visible(text: str) -> str:
    """`text` with bidirectional controls as escapes of Python and JSON, so that nothing is shown in another order."""
    return BIDI.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def code(text: str) -> Markdown:
    """A code span; text that no span can hold in a table (a backtick, a pipe, a line break) is escaped instead."""
    # as a plain string: a Python literal is Markdown within a fence, and here it may hold markup
    return Markdown(f"`{visible(text)}`") if SPAN.fullmatch(text) else escape(str(text))


def fenced(text: object) -> Markdown:
    """A code block, whose fence is longer than any run of backticks in it."""
    block = visible(str(text))
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", block)), default=0))
    return Markdown(f"{fence}\n{block}\n{fence}")


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Markdown:
    """A table whose first column stands left and whose others, being numbers, stand right; each cell is escaped."""
    titles, *lines = (f"| {' | '.join(map(escape, cells))} |" for cells in (header, *rows))
    rule = f"| {' | '.join([':---', *['---:'] * (len(header) - 1)])} |"
    return Markdown("\n".join([titles, rule, *lines]))


def figure(value: float | None, decimals: int) -> str:
    """A figure with so many decimals; a dash for one that is undefined."""
    return ABSENT if value is None else f"{value:.{decimals}f}"
