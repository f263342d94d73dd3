"""Tables and figures as Markdown."""

from collections.abc import Iterable, Sequence

ABSENT = "–"

# the titles of a table and its rows
Rows = tuple[list[str], list[list[str]]]


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose first column stands left and whose others, being numbers, stand right."""
    lines = [header, [":---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def figure(value: float | None, decimals: int) -> str:
    """A figure with so many decimals; a dash for one that is undefined."""
    return ABSENT if value is None else f"{value:.{decimals}f}"


def fenced(text: str, language: str = "") -> str:
    """A code block."""
    return f"```{language}\n{text}\n```"
