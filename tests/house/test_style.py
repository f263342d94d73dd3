"""The project's English keeps to docs/style.md, and the check finds what does not."""

import itertools
import re
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token
from style import PAGES, STYLE, WORD, Limits, Phrase, faults, limits, phrases, sentences

ROOT = Path(__file__).resolve().parents[2]
STATED = (ROOT / STYLE).read_text(encoding="utf-8")
LISTED = """\
A page has at most 16 words on average, and no sentence has more than 20.

| avoid | write | where |
|---|---|---|
| gone on with | resumed | everywhere |
| so many | this many | pages |
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project without faults, with two phrases to avoid."""
    write(tmp_path, STYLE, LISTED)
    write(tmp_path, "README.md", "# A title\n\nA run is resumed.\n")
    return tmp_path


def write(root: Path, name: str, text: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text, encoding="utf-8")


def test_pages_messages_and_comments_keep_to_the_style() -> None:
    assert faults(ROOT) == []


def test_the_list_is_sorted_and_has_each_phrase_once_with_another_one_to_write() -> None:
    listed = phrases(STATED)
    avoided = [phrase.avoid for phrase in listed]
    assert len(listed) >= 40
    assert avoided == sorted(set(avoided))
    # every row of the table is read: one with a misspelt place would be passed over
    assert len(listed) == len(re.findall(r"^\|", STATED.split("## Phrases to avoid")[1], re.MULTILINE)) - 2
    assert not [phrase for phrase in listed if phrase.avoid in phrase.write]


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("README.md", "# A title\n\nA run is gone on with.\n", 3),
        ("docs/page.md", "A run is Gone\non with.\n", 1),
        ("docs/page.md", "| a |\n|---|\n| gone on with |\n", 3),
        ("src/terna/run.py", '"""A run."""\n\n# it is gone\n# on with\n', 3),
        ("src/terna/run.py", 'MESSAGE = (\n    f"{run} is gone on "\n    f"with"\n)\n', 2),
        ("pipelines/run.py", '"""A run that is gone on with."""\n', 1),
        ("conf/run/it.yaml", "# a run\n# is gone on with\nrun: 1\n", 2),
    ],
)
def test_a_phrase_is_named_with_file_line_and_replacement(project: Path, name: str, text: str, line: int) -> None:
    write(project, name, text)
    assert faults(project) == [f"{name}:{line}: “gone on with”; write: resumed (docs/style.md)"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("docs/page.md", "```sh\nrun    # gone on with\n```\n"),
        ("docs/page.md", "<!-- not run: gone on with -->\n\nA run, `gone on with`.\n"),
        ("docs/page.md", "It is begone on with it, or gone on without.\n"),
        ("src/terna/run.py", "# so many runs\n"),
        ("tests/test_run.py", "# gone on with\n"),
    ],
)
def test_code_blocks_other_words_and_other_files_are_not_searched(project: Path, name: str, text: str) -> None:
    write(project, name, text)
    assert faults(project) == []


def test_a_phrase_of_pages_is_found_on_pages(project: Path) -> None:
    write(project, "docs/page.md", "There are so many runs.\n")
    assert faults(project) == ["docs/page.md:1: “so many”; write: this many (docs/style.md)"]
    assert phrases(LISTED)[1] == Phrase("so many", "this many", everywhere=False)


def test_a_long_sentence_is_named_by_its_line(project: Path) -> None:
    text = f"# A title\n\nOne. Two.\n{' word' * 21}. Three four.\n"
    write(project, "docs/page.md", text)
    assert faults(project) == ["docs/page.md:4: a sentence of 21 words, at most 20; split it (docs/style.md)"]
    assert limits(LISTED) == Limits(16, 20)


def test_long_sentences_on_average_are_a_fault(project: Path) -> None:
    write(project, "docs/page.md", f"{' word' * 18}. {' word' * 15}.\n")
    told = "docs/page.md:1: 16.5 words per sentence on average, at most 16; split long ones (docs/style.md)"
    assert faults(project) == [told]


@pytest.mark.parametrize(
    "path", [path for pattern in PAGES for path in sorted(ROOT.glob(pattern))], ids=lambda p: p.stem
)
def test_the_words_are_those_that_a_markdown_parser_finds_in_paragraphs(path: Path) -> None:
    page = path.read_text(encoding="utf-8")
    counted = sum(sentence.words for sentence in sentences(page))
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(page)
    paragraphs = [inner for opened, inner in itertools.pairwise(tokens) if opened.type == "paragraph_open"]
    expected = sum(words(paragraph) for paragraph in paragraphs)
    assert counted == expected


def words(inline: Token) -> int:
    """The words of a paragraph, a code span counting as one, without tags and pictures."""
    parts = [
        {"text": one.content, "code_inline": "x", "softbreak": " "}.get(one.type, "") for one in inline.children or []
    ]
    return len(WORD.findall("".join(parts)))
