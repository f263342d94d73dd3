"""Hostile texts, and how another reader of Markdown shows what was made of them."""

import unicodedata
from html.parser import HTMLParser
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
ATTACKS = [
    "<img src=x onerror=alert(1)>",
    "<script>alert('ay')</script>",
    "</td></tr></table><script>x</script>",
    "<!-- --> <![CDATA[ x ]]> <?php ?>",
    "a | b || c \\| d \\\\| e",
    "one\ntwo\r\n\r\n# three\n---\nfour: five\n---\n",
    "[link](javascript:alert(1)) ![image](x) [a]: <b> [^1]",
    "<https://example.org/a> <a@example.org>",
    "`` `a` ``` ~~~ ``",
    "**strong** _em_ __init__ a_b_ ~~gone~~ *",
    "&lt;b&gt; &#60; &amp &copy;",
    "AT&amp",
    "---",
    "===",
    "- item",
    "1. item",
    "12) item",
    "# heading #",
    "> quoted",
    "    indented",
    "~~~\nfenced",
    ":---",
    "a\\",
    "{{ settings }} {% raw %} {# #}",
    "\u2028x\x85y\x0bz",
    "MIT\u202eTIM \u2066x\u2069 \u200f",
    "'\"}]: &anchor *alias !!python/object %YAML",
]
SIGNS = "\\`*_~|[]()<>&#!:;-+=.\"'{}%$/ \n\r\t\x85ab1é\u200b\u2028"
TEXTS = st.sampled_from(ATTACKS) | st.text(
    st.sampled_from(SIGNS) | st.characters(exclude_categories=["Cs"]), max_size=30
)


# classes of the characters that embed, override and isolate; the marks have those of letters
NESTED = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
MARKS = ("LEFT-TO-RIGHT MARK", "RIGHT-TO-LEFT MARK", "ARABIC LETTER MARK")


def attacked(test: Any) -> Any:
    """The test, given any text that is not blank, each known attack among them."""
    for attack in ATTACKS:
        test = example(attack)(test)
    return settings(max_examples=20, deadline=None)(given(TEXTS.filter(str.strip))(test))


class Shown(HTMLParser):
    """The tags of some HTML in order, its text, and every attribute."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        self.tags.append(f"/{tag}")

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def handle_comment(self, data: str) -> None:
        self.tags.append("comment")

    def handle_decl(self, decl: str) -> None:
        self.tags.append("declaration")

    def unknown_decl(self, data: str) -> None:
        self.tags.append("declaration")

    def handle_pi(self, data: str) -> None:
        self.tags.append("instruction")


def shown(markdown: str) -> tuple[list[str], str, list[tuple[str, str | None]]]:
    """What a browser makes of Markdown: its tags in order, its text, its attributes."""
    found = Shown(READER.render(markdown))
    return found.tags, "".join(found.text), found.attributes


def controls(text: str) -> set[str]:
    """The characters that have the property Bidi_Control (Unicode Standard Annex 9), which unicodedata lacks."""
    return {
        sign for sign in set(text) if unicodedata.bidirectional(sign) in NESTED or unicodedata.name(sign, "") in MARKS
    }


def seen(text: str) -> str:
    """Text with its controls of direction written out, as they are to be shown."""
    return "".join(f"\\u{ord(sign):04x}" if controls(sign) else sign for sign in text)


def bare(text: str) -> str:
    """Text without white space, which Markdown may break otherwise, or zero bytes, which it replaces."""
    return "".join(text.replace("\0", "�").split())
