"""Draw the figure in README.md from the scores in docs/results.md.

reads   docs/figures/*.json: a title, and for each system its name, kind, score and interval
does    draws a forest plot for light pages and one for dark pages
writes  docs/figures/<name>-light.svg and <name>-dark.svg

    python pipelines/figure.py        or: make figure
"""

from terna.running.command import alone

from pathlib import Path

from terna.records import read_record, write_text
from terna.release.report.forest import MODES, Row, forest

FOLDER = Path("docs/figures")


@alone
def main() -> str:
    paths = sorted(FOLDER.glob("*.json"))
    for path in paths:
        told = read_record(path, {"title": str, "rows": list[Row]}, "correct the row")
        for mode in MODES:
            write_text(forest(told["title"], told["rows"], mode), path.with_name(f"{path.stem}-{mode}.svg"))
    return f"{len(paths)} forest plots, for {' and '.join(MODES)} pages, in {FOLDER}/"


if __name__ == "__main__":
    main()
