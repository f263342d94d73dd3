"""The training data as a dataset of its own: the rows that may be given away, their card, and where they came from."""

from collections.abc import Collection, Mapping
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from terna.errors import PublishError
from terna.provenance import digests
from terna.records import (
    CLASSED_PAIRS,
    PAIRS,
    RAW_TEXTS,
    SCORED_PAIRS,
    TRIPLETS,
    TUPLES,
    read_json,
    read_table,
    replacing_folder,
    write_json,
    write_table,
    write_text,
)
from terna.release import origin
from terna.release.card import data
from terna.release.card.licence import withheld
from terna.release.lineage import RECORDS, Link
from terna.settings import Corpus, Settings

# where it is put together
FOLDER = Path("dataset")
# a configuration and a split of the dataset, by the table of data/triplets/ that it is
TABLES = {
    "train": ("triplets", "train", TRIPLETS),
    "dev": ("triplets", "validation", TRIPLETS),
    "tuples": ("tuples", "train", TUPLES),
    "scored": ("scored", "train", SCORED_PAIRS),
    "classed": ("classed", "train", CLASSED_PAIRS),
    "texts": ("texts", "train", RAW_TEXTS),
}
Parts = Mapping[tuple[str, str], pa.Table]


def permitted(corpora: Mapping[str, Corpus], *, checked: bool, leave_out: bool) -> dict[str, Corpus]:
    """The corpora whose rows may be given away; PublishError for others unless they are to be left out.

    checked: somebody has found out that what has no known licence may be given away.
    """
    kept = withheld(corpora, checked=checked)
    if kept and not leave_out:
        named = ", ".join(f"{name} ({licence})" for name, licence in kept.items())
        raise PublishError(
            f"{named}: the licence forbids this, or is not known here. Leave their rows out with --leave-out; if it is "
            "not known, you can also ask the authors and give --licence-checked"
        )
    return {name: corpus for name, corpus in corpora.items() if name not in kept}


def parts(corpora: Collection[str], *, every: bool) -> dict[tuple[str, str], pa.Table]:
    """The rows of these corpora by configuration and split, those that have any; every: no others were in the mix.

    Both pairs of a triplet must be labelled so in one of the corpora. Raises PublishError where no row is left.
    """
    found = {}
    for name, (config, split, schema) in TABLES.items():
        table = read_table(RECORDS["triplets"] / f"{name}.parquet", schema)
        if not every:
            table = table.filter(pc.is_in(table["corpus"], pa.array(sorted(corpora), pa.string())))
            table = _contradicted(table, corpora) if config == "triplets" else table
        if len(table):
            found[config, split] = table
    if not found:
        raise PublishError(f"no row is left of {', '.join(sorted(corpora)) or 'any corpus'}; there is nothing to send")
    return found


def write(repo: str, settings: Settings, corpora: Mapping[str, Corpus], tables: Parts, chain: list[Link]) -> None:
    """Write FOLDER again: the tables as Parquet, README.md, stats.json and lineage.json.

    corpora: those whose rows are in the tables. chain: the links up to the triplets.
    """
    stats = read_json(RECORDS["triplets"] / "stats.json")
    with replacing_folder(FOLDER) as beside:
        for (config, split), table in tables.items():
            write_table(table, beside / config / f"{split}.parquet", table.schema)
        found = {path.removeprefix(f"{beside.as_posix()}/"): digest for path, digest in digests([beside]).items()}
        card = data.render(repo, settings, corpora, tables, stats, found, commit=origin.commit(Path()))
        write_text(card, beside / "README.md")
        write_json(stats, beside / "stats.json")
        write_json({"commit": origin.commit(Path()), "chain": list(map(asdict, chain))}, beside / "lineage.json")


def files() -> dict[str, Path]:
    """What goes out, by its path on the hub."""
    found = sorted(path for path in FOLDER.rglob("*") if path.is_file())
    return {path.relative_to(FOLDER).as_posix(): path for path in found}


def _contradicted(triplets: pa.Table, corpora: Collection[str]) -> pa.Table:
    """The triplets whose anchor and negative one of the corpora labels a contradiction, in either direction."""
    pairs = read_table(RECORDS["translate"] / "pairs.parquet", PAIRS)
    own = pc.and_(pc.is_in(pairs["corpus"], pa.array(sorted(corpora))), pc.equal(pairs["label"], "contradiction"))
    found, ends = pairs.filter(own), ["anchor", "negative"]
    ways = [
        found.select(sides).rename_columns(ends) for sides in (["premise", "hypothesis"], ["hypothesis", "premise"])
    ]
    numbered = triplets.append_column("row", pa.array(range(len(triplets)), pa.int64()))
    kept = numbered.select([*ends, "row"]).join(pa.concat_tables(ways), ends, join_type="left semi")
    return triplets.take(kept["row"].combine_chunks().sort())
