"""A matplotlib figure as SVG that stands within a page: its colours, its fonts, no name that another plot has too."""

import io
import re
import warnings
from collections.abc import Callable
from typing import Any

from markupsafe import Markup, escape
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from terna.release.report.blocks import Plot
from terna.release.report.style import HEIGHT, RC, VARIABLES, WIDTH


def plot(
    name: str, title: str, told: str, draw: Callable[[Axes], None], note: str = "", height: float = HEIGHT
) -> Plot:
    """Draw into fresh axes; the same arguments give the same bytes.

    name: unlike that of any other plot of the page. told: what the plot shows, in words. height: in inches.
    """
    look: Any = {**RC, "svg.hashsalt": name}
    # rc_context rather than pyplot's state: nothing outside is changed
    with rc_context(look), warnings.catch_warnings():
        # the browser's fonts draw the text, whatever the one lacks that lays it out
        warnings.filterwarnings("ignore", message=r"Glyph .* missing")
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        draw(figure.add_subplot())
        drawn = io.StringIO()
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(drawn, format="svg", metadata=nothing)
    return Plot(title, told, _within_a_page(drawn.getvalue(), name, title, told), note)


def _within_a_page(drawn: str, name: str, title: str, told: str) -> Markup:
    inner = drawn[drawn.index("<svg") : drawn.rindex("</svg>")]
    head, _, inner = inner.partition(">")
    inner = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", inner, flags=re.DOTALL)
    # labels are escaped, so that they hold no tag
    inner = re.sub(r"<[^>]+>", lambda tag: _own(tag[0], name), inner)
    inner = re.sub(r"\n\s*", "\n", inner)
    box = re.search(r'viewBox="[^"]+"', head)
    words = f'<title id="{name}-title">{escape(title)}</title><desc id="{name}-desc">{escape(told)}</desc>'
    opening = f'<svg role="img" aria-labelledby="{name}-title {name}-desc" {box[0] if box else ""}>'
    return Markup(f"{opening}{words}{inner}</svg>")  # labels by matplotlib, words by us are escaped


def _own(tag: str, name: str) -> str:
    """A tag with the plot's own names, and the page's fonts and colours."""
    tag = re.sub(r'\bid="', f'id="{name}-', tag)
    tag = re.sub(r'(href="|url\()#', rf"\1#{name}-", tag)
    # some versions of matplotlib name the size and the family together, others each alone
    tag = re.sub(r"(font: (?:\w+ )*[\d.]+px|font-family:) [^;\"]+", r"\1 var(--sans)", tag)
    for stand_in, variable in VARIABLES.items():
        tag = tag.replace(stand_in, variable)
    return tag
