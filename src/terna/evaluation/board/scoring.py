"""A system on every benchmark: scored once, and kept until the system, its prompts or the benchmark change."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from terna.arrays import Floats
from terna.data.evaluators import Evaluator, Outcomes, encoded
from terna.encoder import Usage
from terna.errors import DataError, DownloadError, ModelError, words_of
from terna.evaluation.board.read import Used
from terna.provenance import machine, packages
from terna.records import read_record, replacing, write_json
from terna.settings.benchmark import MEASURES
from terna.settings.board import Listed
from terna.systems import System, digests_of, load_system, locate

# where a table says what it was made from
KEY = b"board"
TIMED = {"sentences": int, "seconds": float, "parameters": int | None, "machine": str, "threads": int}


@dataclass(frozen=True)
class Scored:
    """What a system makes of each benchmark, before anything is decided, or why it makes nothing of them.

    timed: by benchmark, how many distinct sentences it encoded in how many seconds, when it was scored, on which
    machine, with how many parameters. fresh: how many benchmarks were scored now, rather than read.
    """

    name: str
    outcomes: dict[str, Outcomes]
    timed: dict[str, dict[str, Any]] = field(default_factory=dict)
    reason: str | None = None
    fresh: int = 0


def score(
    name: str,
    listed: Listed,
    benchmarks: Mapping[str, Used],
    folder: Path,
    *,
    device: str,
    tell: Callable[[str], None],
) -> Scored:
    """Score a system on the benchmarks on which `folder` has no outcomes of it, and write these there.

    folder: holds <benchmark>/<name>.parquet, a row per unit, and beside it .json, how long it took. A system that
    cannot be loaded or scored has a reason in place of outcomes.
    """
    try:
        keys = {benchmark: _key(listed, used) for benchmark, used in benchmarks.items()}
        found = {each: _read(folder / each / name, used.evaluator, keys[each]) for each, used in benchmarks.items()}
        kept = {benchmark: one for benchmark, one in found.items() if one}
        missing = [benchmark for benchmark in benchmarks if benchmark not in kept]
        system = load_system(listed.where, device) if missing else None
        for benchmark in missing:
            tell(f"{name}: {benchmark}")
            evaluator = benchmarks[benchmark].evaluator
            outcomes, timed = kept[benchmark] = _measured(system, listed, evaluator)
            _write(folder / benchmark / name, evaluator, keys[benchmark], outcomes, timed)
    except (ModelError, DataError, DownloadError) as error:
        tell(f"{name}: left out: {words_of(error)}")
        return Scored(name, {}, reason=words_of(error))
    raw = {benchmark: outcomes for benchmark, (outcomes, _) in kept.items()}
    concluded = {benchmark: used.evaluator.concluded(raw) for benchmark, used in benchmarks.items()}
    return Scored(name, concluded, {each: timed for each, (_, timed) in kept.items()}, fresh=len(missing))


def _measured(system: Any, listed: Listed, evaluator: Evaluator) -> tuple[Outcomes, dict[str, Any]]:
    """The outcomes of a system on a benchmark, and how long it took."""
    prompts = (Usage.of(listed.prompts) if listed.prompts else system.usage).sides
    system.encode(evaluator.texts[:1])  # the first call of some libraries takes longer
    start = perf_counter()
    vectors = encoded(system.encode, prompts, evaluator)
    seconds = perf_counter() - start
    timed = {
        "sentences": len(dict.fromkeys(evaluator.texts)),
        "seconds": seconds,
        "parameters": _parameters(system),
        "machine": machine(),
        "threads": torch.get_num_threads(),
    }
    return evaluator.outcomes(vectors), timed


def _parameters(system: System) -> int | None:
    """How many numbers were loaded; None for what does not tell."""
    if isinstance(system, torch.nn.Module):
        return sum(one.numel() for one in system.parameters())
    table = getattr(system, "table", None)
    return table.numel() if isinstance(table, torch.Tensor) else None


def _key(listed: Listed, used: Used) -> dict[str, Any]:
    """What outcomes depend on. A commit is its own digest; anything else is known by the bytes of its files."""
    pinned = listed.where if listed.revision else None
    files = None if pinned else hashlib.sha256(json.dumps(digests_of(locate(listed.where))).encode()).hexdigest()
    prompts = asdict(listed.prompts) if listed.prompts else None
    computed = packages("evaluate", "")
    return {"system": pinned or files, "prompts": prompts, "benchmark": used.digest, "packages": computed}


def _write(stem: Path, evaluator: Evaluator, key: Mapping[str, Any], outcomes: Outcomes, timed: Any) -> None:
    columns = {
        column: pa.array(np.asarray(values, np.float64))
        for measure, found in outcomes.items()
        for column, values in evaluator.columns(measure, found).items()
    }
    table = pa.table(columns).replace_schema_metadata({KEY: json.dumps(key, sort_keys=True)})
    write_json(timed, stem.with_suffix(".json"))
    # the last, so that it says that all is there
    with replacing(stem.with_suffix(".parquet")) as beside:
        pq.write_table(table, beside, compression="zstd")


def _read(stem: Path, evaluator: Evaluator, key: Mapping[str, Any]) -> tuple[Outcomes, dict[str, Any]] | None:
    """What `_write` wrote for the same key; None where there is nothing whole."""
    try:
        table = pq.read_table(stem.with_suffix(".parquet"))
        timed = read_record(stem.with_suffix(".json"), TIMED, "it is measured again")
    except (FileNotFoundError, pa.ArrowException, DataError):
        return None
    if (table.schema.metadata or {}).get(KEY) != json.dumps(key, sort_keys=True).encode():
        return None
    return {measure: _restored(measure, table, evaluator) for measure in MEASURES[_task(table)]}, timed


def _task(table: pa.Table) -> Any:
    return "sts" if "cosine" in table.column_names else "ranking"


def _restored(measure: str, table: pa.Table, evaluator: Evaluator) -> Floats:
    """The outcome that `columns` of an evaluator turned into columns."""
    if measure in table.column_names:
        return np.asarray(table[measure].to_numpy())
    return np.column_stack([table[f"{measure}_{kind}"].to_numpy() for kind in evaluator.metric.kinds])
