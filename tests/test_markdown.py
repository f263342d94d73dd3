"""Escaping: what is shown is what was given, whatever it is, and ordinary text keeps its bytes."""

import json
import sys

import pytest
from hypothesis import example
from markdown_inputs import READER, attacked, bare, controls, seen, shown

from terna.markdown import Markdown, code, escape, fenced, table, visible

ORDINARY = [
    "< 0.001",
    "-0.038 to 0.127",
    "+12.03",
    "0.506 / 0.497",
    "",
    "–",
    "95 % interval of cosine_pearson",
    "BETO STS (baseline)",
    "reported, the published card; chosen on this test set",
    "Agirre et al.: SemEval-2014 Task 10: Multilingual Semantic Textual Similarity. SemEval 2014.",
    "Tiedemann: Parallel Data. Sentences: tatoeba.org (the licence is CC BY 2.0 FR).",
    "Wang & Isola, 2020: https://arxiv.org/abs/2005.10242?context=cs#top",
    "Python 3.11.9, Linux x86_64",
    "p = 0.5, \"quoted\" and 'so' – “así”; 100 % {sample: 2.0} @a 3 > 2",
]


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_text_keeps_its_bytes(text: str) -> None:
    assert escape(text) == text
    assert table([text], [[text]]).splitlines() == [f"| {text} |", "| :--- |", f"| {text} |"]


@attacked
def test_escaped_text_is_shown_as_it_is_alone_and_behind_other_text(text: str) -> None:
    for before in ("", "and: ", "a"):
        tags, words, _ = shown(f"{before}{escape(text)}\n")
        assert set(tags) <= {"p", "/p"}
        assert bare(words) == bare(seen(before + text))


@attacked
def test_code_is_shown_as_it_is_and_escaped_where_no_span_can_hold_it(text: str) -> None:
    tags, words, _ = shown(f"see {code(text)}: so\n")
    assert [tag for tag in tags if "code" not in tag] == ["p", "/p"]
    assert bare(words) == bare(seen(f"see{text}:so"))


@attacked
def test_a_cell_is_one_cell_and_shown_as_it_is(text: str) -> None:
    made = table(["first", text, "last"], [[text, code(text), "1"]])
    assert [line.count("|") for line in made.splitlines()] == [4, 4, 4]
    tags, words, _ = shown(made)
    plain, _, _ = shown(table(["first", "plain", "last"], [["plain", "plain", "1"]]))
    assert [tag for tag in tags if "code" not in tag] == plain
    assert bare(words) == bare(seen(f"first{text}last{text}{text}1"))


@attacked
@example("```\n~~~\n````` python\n<script>")
def test_a_block_of_code_holds_any_text(text: str) -> None:
    [token] = READER.parse(fenced(text))
    # as Markdown reads it: three ends of a line, and no zero bytes
    assert token.content == f"{seen(text)}\n".replace("\r\n", "\n").replace("\r", "\n").replace("\0", "�")


def test_all_that_orders_text_anew_is_written_out_and_nothing_else_is() -> None:
    every = "".join(map(chr, range(sys.maxunicode + 1)))
    assert len(controls(every)) == 12
    assert visible(every) == seen(every)
    assert json.loads(visible('"\\\\\u202eTIM"')) == "\\\u202eTIM"


def test_what_is_markdown_already_is_left_alone_and_what_is_made_of_it_is_plain_again() -> None:
    own = Markdown("**strong** `code`")
    assert escape(own) is own
    assert escape(own + "*") == "&#42;&#42;strong&#42;&#42; &#96;code&#96;&#42;"
