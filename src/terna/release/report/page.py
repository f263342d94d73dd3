"""The sections in their order, as one HTML page."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from jinja2 import Environment, FileSystemLoader, StrictUndefined, UndefinedError
from markupsafe import Markup

from terna.errors import DataError
from terna.markdown import visible
from terna.release.report import examples, parts, results, training
from terna.release.report.blocks import Section, breakable, inline
from terna.release.report.contents import Contents

Filled = TypeVar("Filled", Section, str)

FOLDER = Path(__file__).parent
# each section with the file that it is mostly filled from
SECTIONS: list[tuple[Callable[[Contents], Section], str]] = [
    (results.section, "metrics/sts.json"),
    (examples.section, "metrics/diagnosis.json"),
    (results.published, "metrics/sts.json"),
    (training.curves, "metrics/train.json"),
    (training.predictions, "predictions/"),
    (parts.section, "metrics/diagnosis.json"),
    (training.corpora, "data/triplets/stats.json"),
    (training.settings, "metrics/train.json"),
    (training.lineage, "release/lineage.json"),
]


def render(contents: Contents, record: str = "") -> str:
    """The page: HTML that needs no other file and no script, the same bytes for the same contents.

    record: the fingerprint of the stage's record, which `release.py --verify` looks for in the page.
    Raises DataError where the contents tell nothing of a benchmark or corpus, or lack a field.
    """
    contents.check()
    gain = _filled(results.gain, "metrics/train.json", contents)
    headlines, use = results.headlines(contents), results.use(contents)
    sections = [_filled(build, source, contents) for build, source in SECTIONS]
    return visible(
        _environment()
        .get_template("page.html.j2")
        .render(
            name=contents.settings.release.name,
            record=record,
            gain=gain,
            headlines=headlines,
            use=use,
            sections=[section for section in sections if section.blocks],
            # a style sheet of ours
            style=Markup((FOLDER / "page.css").read_text(encoding="utf-8")),
        )
    )


def _filled(build: Callable[[Contents], Filled], source: str, contents: Contents) -> Filled:
    try:
        return build(contents)
    except KeyError as error:
        raise DataError(f"{source}: no {error}; run the stage that writes it again (dvc repro)") from error
    except UndefinedError as error:
        raise DataError(f"{source}: {error}; run the stage that writes it again (dvc repro)") from error


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"inline": inline, "breakable": breakable}
    return environment
