"""The card of the training data as a dataset on the hub: data.md.j2 filled from the settings and the accounts."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from terna.markdown import Markdown, Rows, code
from terna.release.card import front, tables
from terna.release.card.document import template
from terna.release.card.licence import Licence, licence_of
from terna.settings import Corpus, Settings, published

# the settings that the tables depend on, see dvc.yaml
SETTINGS = ("seed", "corpora", "translate", "triplets")
# the hub's classes of size, by their upper bounds
SIZES = {1_000: "n<1K", 10_000: "1K<n<10K", 100_000: "10K<n<100K", 1_000_000: "100K<n<1M", 10**7: "1M<n<10M"}
LARGEST = "n>10M"


@dataclass(frozen=True)
class DataCard:
    """What the template shows. withheld: the licences of the corpora whose rows are left out, by name."""

    front: Markdown
    repo: str
    settings: Settings
    corpora: Mapping[str, Corpus]
    withheld: Mapping[str, str]
    licence: Licence
    parts: Rows
    rows: Rows
    accounts: Rows
    contaminated: Rows
    stats: Mapping[str, Any]
    config: str
    split: str
    used: Mapping[str, Any]
    benchmarks: str
    digests: Rows
    commit: str | None


def render(
    repo: str,
    settings: Settings,
    corpora: Mapping[str, Corpus],
    parts: Mapping[tuple[str, str], pa.Table],
    stats: Mapping[str, Any],
    digests: Mapping[str, str],
    *,
    commit: str | None,
) -> str:
    """The card: Markdown with YAML front matter.

    corpora: those whose rows are in `parts`, by configuration and split. stats: the content of
    data/triplets/stats.json. digests: the sha256 of each file. commit: of the code; None where it is not known.
    """
    config, split = next(iter(parts))
    settings = published(settings)
    plain = asdict(settings)
    card = DataCard(
        front=_matter(repo, settings, corpora, parts),
        repo=repo,
        settings=settings,
        corpora=corpora,
        withheld={name: one.licence for name, one in settings.corpora.items() if name not in corpora},
        licence=licence_of(corpora),
        parts=_parts(parts),
        rows=_rows(corpora, parts),
        accounts=tables.corpora(settings, stats),
        contaminated=tables.contaminated(stats),
        stats=stats,
        config=config,
        split=split,
        used={name: plain[name] for name in SETTINGS},
        benchmarks=", ".join(settings.evaluate.benchmarks),
        digests=(["file", "sha256"], [[code(path), code(digest)] for path, digest in digests.items()]),
        commit=commit,
    )
    return template("data.md.j2").render(vars(card))


def _matter(
    repo: str, settings: Settings, corpora: Mapping[str, Corpus], parts: Mapping[tuple[str, str], pa.Table]
) -> Markdown:
    # not at the top: see front.matter
    from huggingface_hub import DatasetCardData

    rows = sum(map(len, parts.values()))
    configs: dict[str, list[dict[str, str]]] = {}
    for config, split in parts:
        configs.setdefault(config, []).append({"split": split, "path": f"{config}/{split}.parquet"})
    data = DatasetCardData(
        language=[settings.translate.target],
        license=licence_of(corpora).identifier,
        task_categories=["sentence-similarity"],
        size_categories=[next((name for bound, name in SIZES.items() if rows < bound), LARGEST)],
        pretty_name=repo.partition("/")[2],
        tags=["sentence-transformers", "terna"],
        configs=[{"config_name": config, "data_files": files} for config, files in configs.items()],
    )
    return front.yaml_of(data)


def _parts(parts: Mapping[tuple[str, str], pa.Table]) -> Rows:
    return ["configuration", "split", "columns", "rows"], [
        [config, split, ", ".join(table.column_names), f"{len(table)}"] for (config, split), table in parts.items()
    ]


def _rows(corpora: Mapping[str, Corpus], parts: Mapping[tuple[str, str], pa.Table]) -> Rows:
    """How many rows of each corpus there are; of a triplet, the corpus of anchor and positive."""
    return ["corpus", *(f"{config}, {split}" for config, split in parts), "licence"], [
        [name, *(str(pc.sum(pc.equal(table["corpus"], name)).as_py() or 0) for table in parts.values()), corpus.licence]
        for name, corpus in corpora.items()
    ]
