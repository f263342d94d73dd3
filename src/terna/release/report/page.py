"""The sections in their order, as one HTML page."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from jinja2 import Environment, FileSystemLoader, StrictUndefined, UndefinedError
from markupsafe import Markup

from terna.errors import DataError
from terna.markdown import visible
from terna.release.report import examples, parts, results, training
from terna.release.report.blocks import Section, breakable, inline
from terna.release.report.contents import Contents, Curve

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
    opening = {
        "gain": _filled(results.gain, "metrics/train.json", contents),
        "headlines": results.headlines(contents),
        "use": results.use(contents),
    }
    sections = [_filled(build, source, contents) for build, source in SECTIONS]
    shown = [section for section in sections if section.blocks]
    return write(contents.settings.release.name, shown, record=record, **opening)


def render_curves(found: Mapping[str, Mapping[str, Curve]], score: str) -> str:
    """A page like that of `render` with curves alone, by run and then by the names of CURVES; score: which to draw."""
    sections = [training.curves_alone(run, place, curves, score) for place, (run, curves) in enumerate(found.items())]
    return write("Learning curves", sections)


def write(name: str, sections: Sequence[Section], **opening: Any) -> str:
    """A page of sections in the report's style.

    opening: what stands above them, if anything: `headlines`, `gain` and `use`; and `record`.
    """
    # a style sheet of ours
    style = Markup((FOLDER / "page.css").read_text(encoding="utf-8"))
    page = _environment().get_template("page.html.j2")
    return visible(
        page.render(
            {"record": "", "gain": "", "headlines": (), "use": "", **opening},
            name=name,
            sections=sections,
            style=style,
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
