"""The card as a whole: card.md.j2 filled from the settings and from what was measured."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from itertools import zip_longest
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from terna.encoder import Usage
from terna.encoder.saved import Saved
from terna.errors import DataError
from terna.evaluation.table import check as check_scores
from terna.evaluation.table import interval
from terna.evaluation.verdict import Verdict, proven, verdicts
from terna.markdown import Markdown, Rows, code, escape, fenced, figure, table, visible
from terna.records import read_json
from terna.release.card import front, parameters, tables
from terna.release.card.emissions import Emissions
from terna.release.card.licence import Licence, licence_of
from terna.release.lineage import Lineage
from terna.settings import Settings, published

ENCODER = Path("models/encoder")
CARD = "card.md.j2"


@dataclass(frozen=True)
class Card:
    """What the template shows.

    front: YAML. dimension: of a sentence vector. loaded_by: transformers' class that loads the backbone. on_hub:
    whether the backbone has a page there. stats: the content of data/triplets/stats.json. mined: of
    data/mined/stats.json, None where nothing was. size: parameters of all modules. vocabulary_cut: the account of
    data/tokens/stats.json, None where none was cut. prompts: of the encoder that ships, by name; default_prompt: what
    it puts before a text of which nothing else is said. verdicts: against the best baseline of each test benchmark;
    proven: better on all of them, without which the card recommends no use. tasks: of the benchmarks. The other fields
    are made in the module of their name, or in tables.
    """

    settings: Settings
    front: Markdown
    dimension: int
    loaded_by: str
    on_hub: bool
    licence: Licence
    tasks: set[str]
    verdicts: list[Verdict]
    proven: bool
    benchmarks: list[tables.Benchmark]
    stats: Mapping[str, Any]
    mined: Mapping[str, Any] | None
    corpora: Rows
    contaminated: Rows
    loader: Mapping[str, Any]
    examples: list[parameters.Examples]
    taught_parameters: Mapping[str, Any]
    losses: list[parameters.Loss]
    similarities: Mapping[str, Any]
    fit: Mapping[str, Any]
    training: Mapping[str, Any]
    modules: str
    size: int
    vocabulary_cut: Mapping[str, Any] | None
    prompts: Mapping[str, str]
    default_prompt: str
    emissions: Emissions | None
    lineage: Lineage
    digests: Rows


def fill(settings: Settings, lineage: Lineage, emissions: Emissions | None) -> str:
    """The card of what lies in the working folder; DataError where a file is missing or belongs to other settings.

    emissions: of the training; None where they were not measured.
    """
    saved = Saved.read(ENCODER)
    return render(
        settings,
        dimension=saved.dimension,
        architecture=read_json(ENCODER / parameters.CONFIG)["architectures"][0],
        modules=parameters.read_modules(saved),
        scores=read_json(Path("metrics/sts.json")),
        training=read_json(Path("metrics/train.json")),
        stats=read_json(Path("data/triplets/stats.json")),
        mined=read_json(Path("data/mined/stats.json")) if settings.mine.encoder else None,
        size=parameters.size(ENCODER),
        vocabulary_cut=read_json(Path("data/tokens/stats.json"))["vocabulary_cut"],
        usage=saved.usage,
        lineage=lineage,
        emissions=emissions,
    )


def render(
    settings: Settings,
    *,
    dimension: int,
    architecture: str,
    modules: parameters.Modules,
    scores: Mapping[str, Any],
    training: Mapping[str, Any],
    stats: Mapping[str, Any],
    size: int,
    vocabulary_cut: Mapping[str, Any] | None,
    usage: Usage,
    lineage: Lineage,
    mined: Mapping[str, Any] | None = None,
    emissions: Emissions | None = None,
) -> str:
    """The model card: Markdown with YAML front matter, the same whenever its arguments are.

    dimension: of a sentence vector. architecture: the backbone's class. modules: of the encoder that ships.
    scores, training, stats: the contents of metrics/sts.json, metrics/train.json and data/triplets/stats.json. size:
    the encoder's parameters. vocabulary_cut: of data/tokens/stats.json. usage: its prompts.
    lineage: up to the weights. mined: the content of data/mined/stats.json, where anything was. emissions: see `fill`.
    Raises DataError when these tell nothing of a benchmark or corpus of the settings.
    """
    check(settings, scores, stats)
    # of the whole path: the name of a folder alone may be one of the hub's too
    on_hub = front.on_hub(settings.model)
    settings = published(settings)
    found = verdicts(settings.evaluate, scores)
    card = Card(
        settings=settings,
        front=front.matter(settings, scores, on_hub, emissions),
        dimension=dimension,
        loaded_by=parameters.loaded_by(architecture),
        on_hub=on_hub,
        licence=licence_of(settings.corpora | settings.parallel),
        tasks={one.task for one in settings.evaluate.benchmarks.values()},
        verdicts=found,
        proven=proven(found),
        benchmarks=[tables.benchmark(name, settings.evaluate, scores) for name in settings.evaluate.benchmarks],
        stats=stats,
        mined=mined,
        corpora=tables.corpora(settings, stats),
        contaminated=tables.contaminated(stats),
        loader=parameters.loader(training),
        examples=parameters.examples(settings.train, training),
        taught_parameters=asdict(settings.train.distill) if settings.train.distill else {},
        losses=parameters.losses(settings.train, training),
        similarities=parameters.similarities(settings.train),
        fit=parameters.fit(settings, training),
        training=training,
        modules=parameters.architecture(modules, architecture),
        size=size,
        vocabulary_cut=vocabulary_cut,
        prompts={name: prompt for name, prompt in usage.prompts.items() if prompt},
        default_prompt=usage.prompt,
        emissions=emissions,
        lineage=lineage,
        digests=tables.digests(lineage),
    )
    return template(CARD).render(vars(card))


def passage(name: str, values: Mapping[str, Any]) -> Markdown:
    """A block of the card by itself, for what the report repeats; values: the fields of Card that it shows.

    Raises jinja2's UndefinedError where these lack something.
    """
    card = template(CARD)
    return Markdown("".join(card.blocks[name](card.new_context(dict(values)))).strip())


def differing(found: str, expected: str) -> Iterator[tuple[int, str | None, str | None]]:
    """Each line, by its number from 1, that two texts differ in, with both; None stands for a line too few."""
    pairs = zip_longest(found.splitlines(), expected.splitlines())
    yield from ((number, one, other) for number, (one, other) in enumerate(pairs, start=1) if one != other)


def check(settings: Settings, scores: Mapping[str, Any], stats: Mapping[str, Any]) -> None:
    """Raise DataError when the figures or the accounts tell nothing of a benchmark or corpus of the settings."""
    check_scores(settings.evaluate, scores)
    for benchmark in settings.evaluate.benchmarks:
        if benchmark not in stats["contamination"]["sentences"]:
            raise DataError(f"data/triplets/stats.json: nothing on {benchmark}; run the triplets stage (dvc repro)")
    for corpus in settings.corpora:
        if corpus not in stats["corpora"]:
            raise DataError(f"data/triplets/stats.json: nothing on {corpus}; run the triplets stage (dvc repro)")


@cache
def template(name: str) -> Template:
    """A template of this folder, in which whatever is printed is escaped."""
    # jinja2 has no autoescape for Markdown. `finalize` sees whatever {{ … }} is about to print: all of it is escaped
    # but what is of the class Markdown, which only the filters below and front.matter make. A filter of jinja2, `~` or
    # a macro gives a plain string, so that what somebody forgets is escaped twice and not left raw.
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        finalize=escape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    filters: dict[str, Callable[..., Any]] = {
        "code": code,
        "fenced": fenced,
        "table": lambda cells: table(*cells),
        "json": lambda value: json.dumps(value, indent=4, ensure_ascii=False),
        # a Python string, within a fence
        "literal": lambda text: Markdown(visible(json.dumps(text, ensure_ascii=False))),
        "lost": _lost,
        "figure": figure,
        "interval": lambda bounds: interval(bounds, 4),
    }
    environment.filters |= filters
    return environment.get_template(name)


def _lost(stats: Mapping[str, Any]) -> list[tuple[str, int]]:
    """Why pairs were dropped for their translation, and how many, over all corpora."""
    counts = Counter[str]()
    for account in stats["corpora"].values():
        counts.update(account.get("translation", {}))
    return sorted(counts.items())
