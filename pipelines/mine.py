"""Mine hard negatives for the training triplets and tuples with an encoder; without mine.encoder, do nothing.

reads   data/triplets/{train,dev,positives,tuples,sentences}.parquet
does    encodes the sentences of the mix without those of held-out triplets, ranks them for each anchor by cosine, and
        chooses negatives by the settings `mine` among those that are not known positives. With machine.ray, vectors
        are in data/work/mine/ until the stage ends, so that a killed run encodes only those that are missing
writes  data/mined/: tuples.parquet (the rows that got negatives, and the rows that they replace), encoder.json (the
        encoder's identity), stats.json, made.json
"""

from terna.running.stage import stage

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from tqdm import tqdm

from terna.data.mining import Questions, Search, all_rows, check_faiss, chosen, questions, with_negatives
from terna.data.numbering import once
from terna.errors import DataError
from terna.provenance import record
from terna.records import MINED, POSITIVES, SENTENCES, TEXTS, TRIPLETS, TUPLES, read_table, write_json, write_table
from terna.settings import Machine, Settings, named
from terna.settings.devices import device_of

IN = Path("data/triplets")
SCHEMAS = {"train": TRIPLETS, "dev": TRIPLETS, "positives": POSITIVES, "tuples": TUPLES, "sentences": SENTENCES}
OUT = Path("data/mined")
# vectors of a run with machine.ray that has not ended
WORK = Path("data/work/mine")


@stage
def main(settings: Settings) -> str:
    encoder = settings.mine.encoder
    mined, counts = MINED.empty_table(), dict.fromkeys(("rows", "mined", "too_few"), 0)
    described: dict[str, Any] | None = None
    threads: int | None = None
    if encoder:
        import torch

        from terna.systems import digests_of, locate

        if settings.mine.search == "faiss":
            check_faiss()
        described = {"where": named(encoder), "sha256": digests_of(locate(encoder))}
        mined, counts = mine(encoder, settings)
        threads = torch.get_num_threads()
    write_table(mined, OUT / "tuples.parquet", MINED)
    write_json(counts, OUT / "stats.json")
    write_json(described, OUT / "encoder.json")
    read = [IN / f"{name}.parquet" for name in SCHEMAS]
    record("mine", settings, read, [OUT], OUT / "made.json", threads=threads)
    shutil.rmtree(WORK, ignore_errors=True)
    if not encoder:
        return "mine.encoder is null: nothing mined"
    kept = {"keep": "stay as they are", "drop": "are left out"}[settings.mine.others]
    return (
        f"{settings.mine.negatives} negatives for each of {counts['mined']} rows by {encoder}; "
        f"{counts['too_few']} have too few and {kept}"
    )


def mine(encoder: str, settings: Settings) -> tuple[pa.Table, dict[str, int]]:
    """The rows that got negatives, and with mine.others=drop those that did not; and how many there are.

    Raises DataError when not a single row got them.
    """
    tables = {name: read_table(IN / f"{name}.parquet", schema) for name, schema in SCHEMAS.items()}
    rows = all_rows(tables["train"], tables["tuples"])
    # what is held out is no negative either: it would be learnt from
    candidates = once(tables["sentences"]["sentence"], without=[tables["dev"][name] for name in TEXTS])
    asked = questions(rows, tables["positives"], candidates)
    OUT.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".", dir=OUT) as folder:
        vectors = vectors_of(encoder, asked, Path(folder) / "vectors.npy", settings.machine)
        search = Search.over(vectors, len(candidates), asked)
        found = chosen_with_bar(search, settings)
    mined = with_negatives(rows, asked, found)
    got = pc.greater(pc.list_value_length(mined["negatives"]), 0)
    counts = {"rows": len(rows), "mined": pc.sum(got).as_py() or 0}
    counts["too_few"] = counts["rows"] - counts["mined"]
    if not counts["mined"]:
        raise DataError(
            f"mine.negatives: none of {counts['rows']} rows has {settings.mine.negatives} within the limits; lower it, "
            "or the margins, or raise mine.range_max"
        )
    return mined if settings.mine.others == "drop" else mined.filter(got), counts


def vectors_of(encoder: str, asked: Questions, path: Path, machine: Machine) -> Any:
    """The vectors of the texts, mapped from the file that they are written to."""
    from terna.running import cluster

    from terna.systems import load_system, store_vectors
    from terna.systems.over_ray import store_vectors_over_ray

    texts = asked.texts.to_pylist()
    if machine.ray is not None:
        ray = cluster.asked_by(machine)
        store_vectors_over_ray(encoder, texts, path, ray, WORK, name="encode", progress=machine.progress)
    else:
        system = load_system(encoder, device_of(machine.accelerator))
        store_vectors(system, texts, path, name="encode", progress=machine.progress)
    return np.lib.format.open_memmap(path, mode="r+")


def chosen_with_bar(search: Search, settings: Settings) -> Any:
    """The candidates for each anchor, see `chosen`."""
    disable = None if settings.machine.progress else True
    with tqdm(total=len(search.anchors), unit="anchor", desc="search", disable=disable) as bar:
        return chosen(search, settings.mine, settings.seed, bar.update)


if __name__ == "__main__":
    main()
