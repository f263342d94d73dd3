"""Write one table of all labelled pairs in the target language, and one table for each other shape of rows.

reads   data/raw/nli/<corpus>/
does    reads each corpus of the mix; `translate.model` translates each distinct sentence in another language once.
        Finished translations are in data/work/translate/, so that a killed run resumes where it stopped. With
        machine.ray, Ray's workers translate
writes  data/nli/: pairs.parquet (labelled), tuples.parquet (anchors with a positive and negatives), scored.parquet,
        classed.parquet and texts.parquet, all sorted; translations.parquet (each sentence and its translation),
        accounts.json (rows read, rows dropped by reason, digests, the translator), made.json
"""

from terna.running.stage import stage

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from terna.arrays import Ints
from terna.data.corpora import read
from terna.data.numbering import distinct
from terna.provenance import record
from terna.records import (
    CLASSED_PAIRS,
    PAIRS,
    RAW_TEXTS,
    SCORED_PAIRS,
    TRANSLATIONS,
    TUPLES,
    read_record,
    rerun,
    write_json,
    write_table,
)
from terna.settings import Corpus, Settings

OUT = Path("data/nli")
RAW = Path("data/raw/nli")
WORK = Path("data/work/translate")
# tables beside the labelled pairs: nothing of them is translated
OTHERS = {"scored": SCORED_PAIRS, "tuples": TUPLES, "classed": CLASSED_PAIRS, "texts": RAW_TEXTS}


class Translated(NamedTuple):
    """Pairs in the target language, what was translated, pairs dropped by corpus and reason, what translated."""

    pairs: pa.Table
    translations: pa.Table
    dropped: dict[str, Counter[str]]
    identity: dict[str, Any] | None


@stage
def main(settings: Settings) -> str:
    parsed = {name: read(name, corpus, RAW / name) for name, corpus in settings.corpora.items()}
    made = translated(together(parsed, PAIRS), settings)
    tables = {"pairs": made.pairs} | {name: together(parsed, schema) for name, schema in OTHERS.items()}
    kept = pa.concat_tables([table.select(["corpus"]) for table in tables.values()])
    corpora = {name: account(name, settings.corpora[name], counts, kept, made) for name, (_, counts) in parsed.items()}
    for name, table in tables.items():
        write_table(table, OUT / f"{name}.parquet", table.schema, rows=in_order(table))
    write_table(made.translations, OUT / "translations.parquet", TRANSLATIONS)
    write_json({"corpora": corpora, "translated_by": made.identity}, OUT / "accounts.json")
    outs = [OUT / f"{name}.parquet" for name in (*tables, "translations")] + [OUT / "accounts.json"]
    raw = [path for name, one in settings.corpora.items() for path in one.paths(RAW / name)]
    # a process that translates computes with one thread
    record("translate", settings, raw, outs, OUT / "made.json", threads=1 if made.identity else None)
    paired = not len(tables["tuples"]) and not len(tables["texts"])
    rows, dropped = (sum(one[name] for one in corpora.values()) for name in ("read", "translation_dropped"))
    return (
        f"{rows} rows read, {len(made.translations)} sentences translated, {dropped} pairs dropped for their "
        f"translation, {len(kept)} {'pairs' if paired else 'rows'} kept"
    )


def together(parsed: Mapping[str, tuple[pa.Table, Counter[str]]], schema: pa.Schema) -> pa.Table:
    """The tables of this schema as one."""
    return pa.concat_tables([schema.empty_table(), *(table for table, _ in parsed.values() if table.schema == schema)])


def in_order(table: pa.Table) -> Ints:
    """(len(table),): where the rows are, sorted by all columns."""
    if "negatives" in table.column_names:
        # Arrow sorts no lists; no text holds NUL
        place = table.column_names.index("negatives")
        table = table.set_column(place, "negatives", pc.binary_join(table["negatives"], "\0"))
    keys = [(column, "ascending") for column in table.column_names]
    places: Ints = pc.sort_indices(table, sort_keys=keys).to_numpy().view(np.int64)
    return places


def translated(pairs: pa.Table, settings: Settings) -> Translated:
    """Translate the pairs that are not in the target language, if a model is set."""
    model, target = settings.translate.model, settings.translate.target
    foreign = sorted(set(pc.unique(pairs["language"]).to_pylist()) - {target})
    if model is None or not foreign:
        return Translated(pairs, TRANSLATIONS.empty_table(), {}, None)
    # transformers takes seconds to import: only for what needs it
    from terna.data.translation import replace, translate

    result = Translated(pairs.filter(pc.equal(pairs["language"], target)), TRANSLATIONS.empty_table(), {}, None)
    for language in foreign:
        own = pairs.filter(pc.equal(pairs["language"], language))
        sentences = distinct(own["premise"], own["hypothesis"]).to_pylist()
        made = translate(sentences, language, settings.translate, settings.machine, WORK)
        part, dropped = replace(own, made.table, target)
        rows = made.table.append_column("language", pa.array([language] * len(made.table), pa.string()))
        result = Translated(
            pa.concat_tables([result.pairs, part]),
            pa.concat_tables([result.translations, rows]),
            result.dropped | dropped,
            made.identity,
        )
    return result


def account(name: str, corpus: Corpus, counts: Mapping[str, int], kept: pa.Table, made: Translated) -> dict[str, Any]:
    """What was read of a corpus, what was dropped and why, what is left, and the digests of its files.

    kept: the corpus of each pair that is left.
    """
    lost = made.dropped.get(name, Counter())
    fetched = read_record(RAW / name / "fetched.json", {"sha256": dict[str, str]}, rerun(f"fetch@{name}"))
    return {
        "licence": corpus.licence,
        **counts,
        "translation": dict(sorted(lost.items())),
        "translation_dropped": lost.total(),
        "kept": pc.sum(pc.equal(kept["corpus"], name)).as_py() or 0,
        "sha256_in": fetched["sha256"],
    }


if __name__ == "__main__":
    main()
