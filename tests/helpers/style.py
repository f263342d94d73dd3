"""Compares the project's English with docs/style.md: phrases to avoid, and long sentences on the pages.

`python tests/helpers/style.py` (make check) prints each fault as `file:line: …`; with faults, its exit status is 1.
"""

import itertools
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

STYLE = "docs/style.md"
PAGES = ("README.md", "docs/*.md")
CODE = ("src/**/*.py", "pipelines/*.py", "conf/**/*.yaml")
# between two words of a phrase: white space, the mark of a comment that continues, or the quotes of a string that does
GAP = r'(?:[\s#]|"\s+f?")+'
# parts of a page that are not prose: comments, fenced blocks, HTML tags, descriptions of images, addresses of links,
# numbers of list items
HIDDEN = re.compile(
    r"<!--.*?-->|^```.*?^```$|<[^>\n]+>|!\[[^\]\n]*\]|(?<=\])\([^)]*\)|^\s*\d{1,2}\.(?= )", re.MULTILINE | re.DOTALL
)
CODE_SPAN = re.compile(r"`[^`]*`")
LIMITS = re.compile(r"at most (\d+) words on average, and no sentence has more than (\d+)")
# where one paragraph, item, row or heading ends and another begins
BREAK = re.compile(r"\n\s*\n|\n(?=\s*(?:[-*]|\d{1,2}\.) )|\n(?=[|#])|(?<=\|)\n")
END = re.compile(r"(?<=[.!?])[*\"”’)]*\s+")
WORD = re.compile(r"\w[\w'’.,/-]*")


class Phrase(NamedTuple):
    """A phrase to avoid, its replacement, and whether it is searched in the code as well as on the pages."""

    avoid: str
    write: str
    everywhere: bool


class Sentence(NamedTuple):
    """A sentence of a page: the line on which it begins, and how many words it has."""

    line: int
    words: int


def phrases(style: str) -> list[Phrase]:
    """The rows of the table in docs/style.md."""
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \| (everywhere|pages) \|$", style, re.MULTILINE)
    return [Phrase(avoid, write, where == "everywhere") for avoid, write, where in rows]


class Limits(NamedTuple):
    """How many words the sentences of a page may have: on average, and the longest."""

    mean: int
    most: int


def limits(style: str) -> Limits:
    """The limits of every page, as docs/style.md states them."""
    [(mean, most)] = LIMITS.findall(" ".join(style.split()))
    return Limits(int(mean), int(most))


def prose(page: str) -> str:
    """The page with blanks for what is not prose and one long word for a code span; every character keeps its place."""
    hidden = HIDDEN.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), page)
    return CODE_SPAN.sub(lambda found: _word(found[0]), hidden)


def _word(span: str) -> str:
    """One word for a code span: the end of a line within it comes after the word."""
    breaks = span.count("\n")
    return "x" * (len(span) - breaks) + "\n" * breaks


def sentences(page: str) -> Iterator[Sentence]:
    """The sentences of a page's paragraphs and list items, without headings and tables."""
    text = prose(page)
    for start, end in _pieces(text, [found.start() for found in BREAK.finditer(page)]):
        part = text[start:end]
        if not part.lstrip().startswith(("|", "#")):
            for at, stop in _pieces(part, [found.end() for found in END.finditer(part)]):
                if words := list(WORD.finditer(part, at, stop)):
                    yield Sentence(text.count("\n", 0, start + words[0].start()) + 1, len(words))


def _pieces(text: str, cuts: list[int]) -> Iterator[tuple[int, int]]:
    """Where each piece begins and ends, when the text is cut at these places."""
    return itertools.pairwise([0, *cuts, len(text)])


def occurrences(text: str, listed: list[Phrase]) -> Iterator[tuple[int, Phrase]]:
    """The line on which each listed phrase of the text begins, and the phrase."""
    known = {phrase.avoid: phrase for phrase in listed}
    any_of = "|".join(GAP.join(map(re.escape, avoid.split())) for avoid in sorted(known, reverse=True))
    for found in re.finditer(rf"(?<!\w)(?:{any_of})(?!\w)", text, re.IGNORECASE):
        yield text.count("\n", 0, found.start()) + 1, known[re.sub(GAP, " ", found[0]).lower()]


def bad_phrases(root: Path, listed: list[Phrase]) -> Iterator[str]:
    """Each listed phrase that occurs on a page, in the code or in conf/, with its place and replacement."""
    for path in (*_files(root, PAGES), *_files(root, CODE)):
        name = path.relative_to(root).as_posix()
        text = path.read_text(encoding="utf-8")
        if page := path.suffix == ".md":
            text = prose(re.sub(r"^\|.*\|$", "", text, flags=re.MULTILINE) if name == STYLE else text)
        for line, phrase in occurrences(text, [one for one in listed if page or one.everywhere]):
            yield f"{name}:{line}: “{phrase.avoid}”; write: {phrase.write} ({STYLE})"


def long_sentences(root: Path, allowed: Limits) -> Iterator[str]:
    """Each sentence with too many words, and each page with too many words a sentence on average."""
    for path in _files(root, PAGES):
        name, found = path.relative_to(root).as_posix(), list(sentences(path.read_text(encoding="utf-8")))
        for line, words in found:
            if words > allowed.most:
                yield f"{name}:{line}: a sentence of {words} words, at most {allowed.most}; split it ({STYLE})"
        average = sum(words for _, words in found) / max(len(found), 1)
        if average > allowed.mean:
            told = f"{average:.1f} words per sentence on average, at most {allowed.mean}; split long ones"
            yield f"{name}:1: {told} ({STYLE})"


def _files(root: Path, patterns: tuple[str, ...]) -> list[Path]:
    return [path for pattern in patterns for path in sorted(root.glob(pattern))]


def faults(root: Path) -> list[str]:
    """Everything that docs/style.md does not allow, one line each."""
    style = (root / STYLE).read_text(encoding="utf-8")
    return [*bad_phrases(root, phrases(style)), *long_sentences(root, limits(style))]


def main() -> int:
    """The command's exit status."""
    found = faults(Path(__file__).resolve().parents[2])
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
