"""How plots look: colours by role, which the page's style sheet makes dark or light, and plain axes."""

from typing import Any

# Stand-ins that matplotlib draws with and that become the page's own colours: page.css names each for dark and light.
INK, MUTED, LINE, ONE, TWO, PAPER = "#010101", "#020202", "#030303", "#040404", "#050505", "#060606"
VARIABLES = {
    INK: "var(--ink)",
    MUTED: "var(--muted)",
    LINE: "var(--line)",
    ONE: "var(--one)",
    TWO: "var(--two)",
    PAPER: "var(--paper)",
}

RC: dict[str, Any] = {
    "svg.fonttype": "none",  # text stays text: it can be read aloud, searched and copied
    "text.parse_math": False,  # a name may hold a dollar sign
    "axes.edgecolor": LINE,
    "axes.labelcolor": MUTED,
    "axes.labelsize": 10,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "font.size": 10,
    "font.family": ["DejaVu Sans"],  # comes with matplotlib: the same layout on every machine
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.labelcolor": INK,
    "lines.linewidth": 1.6,
    "text.color": INK,
    "xtick.color": LINE,
    "ytick.color": LINE,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "xtick.labelsize": 10,
    "ytick.labelsize": 10,
}
# inches: a phone's width at the size that the text is drawn in
WIDTH, HEIGHT = 4.7, 3.1
