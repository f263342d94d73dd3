"""Write the table of results in docs/overview.md from the measured scores.

reads   params.yaml, metrics/sts.json, the records of the stages
does    stops if scores are not those that the stages measured; makes the table of reports/results.md again
writes  docs/overview.md, only between its two marks

    python pipelines/results.py        or: make results
"""

from terna.running.command import alone

import re
from pathlib import Path

from omegaconf import OmegaConf

from terna.errors import DataError
from terna.evaluation.table import markdown
from terna.records import write_text
from terna.release.figures import FIGURES, figures
from terna.settings import load

PAGE = Path("docs/overview.md")
BLOCK = re.compile(r"(?<=\n)(<!-- results: [^\n]* -->\n).*?(?=<!-- /results -->)", re.DOTALL)


@alone
def main() -> str:
    settings = load(OmegaConf.load("params.yaml"))
    table = markdown(settings.evaluate, figures(settings))
    text, places = BLOCK.subn(lambda found: found[1] + table, PAGE.read_text(encoding="utf-8"))
    if places != 1:
        raise DataError(
            f"{PAGE}: {places} places for the table, expected one: between the lines <!-- results: … --> and "
            "<!-- /results -->"
        )
    write_text(text, PAGE)
    return f"the table of {len(settings.evaluate.benchmarks)} benchmarks from {FIGURES} in {PAGE}"


if __name__ == "__main__":
    main()
