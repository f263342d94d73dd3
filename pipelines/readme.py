"""Write the table of results in README.md from what was measured.

reads   params.yaml, metrics/sts.json
does    makes the table of reports/results.md anew
writes  README.md, between its two marks and nowhere else

    python pipelines/readme.py        or: make readme
"""

import re
from pathlib import Path

from omegaconf import OmegaConf

from terna.errors import DataError
from terna.evaluation.table import check, markdown
from terna.records import read_json, write_text
from terna.running.stage import alone
from terna.settings import load

README = Path("README.md")
FIGURES = Path("metrics/sts.json")
BLOCK = re.compile(r"(?<=\n)(<!-- results: [^\n]* -->\n).*?(?=<!-- /results -->)", re.DOTALL)


@alone
def main() -> None:
    evaluate, scores = load(OmegaConf.load("params.yaml")).evaluate, read_json(FIGURES)
    check(evaluate, scores)
    table = markdown(evaluate, scores)
    text, places = BLOCK.subn(lambda found: found[1] + table, README.read_text(encoding="utf-8"))
    if places != 1:
        raise DataError(
            f"{README}: {places} places for the table, expected one: between the lines <!-- results: … --> and "
            "<!-- /results -->"
        )
    write_text(text, README)


if __name__ == "__main__":
    main()
