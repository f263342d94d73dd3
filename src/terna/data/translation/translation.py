"""Distinct sentences in, a table of their translations out; shards on disk carry a run over a kill."""

from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from tqdm import tqdm

from terna.data.translation.checkpoint import check, find, load_tokenizer, set_languages
from terna.data.translation.decoder import Output, Recipe
from terna.data.translation.degenerate import degenerate
from terna.data.translation.shards import SHARD, Shard, cut
from terna.data.translation.workers import outputs
from terna.errors import DataError, ModelError
from terna.records import TRANSLATIONS
from terna.sentences import tokenize
from terna.settings import Machine, Translate, named
from terna.settings.devices import devices_of

COLUMNS = pa.schema([TRANSLATIONS.field(name) for name in ("source", "target", "reason")])


@dataclass(frozen=True)
class Translation:
    """What became of each sentence, and what translated it.

    table: source, target (null if dropped), reason (null, or why it was dropped), sorted by source. identity:
    checkpoint and revision as set, commit (None for a folder), sha256 of the weights' safetensors.
    """

    table: pa.Table
    identity: dict[str, str | None]


def translate(sentences: Sequence[str], source: str, settings: Translate, machine: Machine, work: Path) -> Translation:
    """Translate distinct sentences, in any order, from language `source` into the target; each once.

    What is done is kept in `work`, in files that depend on the sentences, the settings, the checkpoint's files and the
    versions of torch and transformers, so that a run that was killed resumes where it stopped. Raises ModelError for a
    checkpoint, language or device that cannot be used, and when a process dies.
    """
    model = settings.model
    if model is None:
        raise ModelError("translate.model: null, so nothing can translate; choose a translation (translate=opus_mt)")
    places = _places(machine)
    checkpoint = find(model)
    origin = checkpoint.origin()
    check(checkpoint, model.max_length)
    tokenizer = load_tokenizer(checkpoint)
    recipe = Recipe(checkpoint, model, set_languages(tokenizer, model.codes, source=source, target=settings.target))
    texts = sorted(set(sentences))
    tokens = tokenize(tokenizer, texts, model.max_length)
    shards = cut(texts, tokens, model.shard, origin | _frame(recipe, source, settings.target), work)
    _complete(shards, recipe, origin, machine, places)
    identity = {"checkpoint": named(model.checkpoint), "revision": model.revision, "commit": checkpoint.commit}
    return Translation(_table(shards), identity | {"sha256": origin["files"][0]})


def _places(machine: Machine) -> list[str]:
    """The device of each process of our own; with machine.ray none, but ModelError where ray is not installed."""
    if machine.ray is None:
        return devices_of(machine)
    from terna.running import cluster  # not at the top: `running` takes over what Ctrl-C does

    cluster.imported(cluster.asked_by(machine))
    return []


def _frame(recipe: Recipe, source: str, target: str) -> dict[str, Any]:
    """What a shard's output depends on, beside its sentences and the checkpoint's origin."""
    settings = recipe.settings
    return {
        "codes": [settings.codes.get(language) for language in (source, target)],
        "decoding": [settings.beams, settings.precision, settings.max_length, settings.batch_tokens],
    }


def _complete(
    shards: Sequence[Shard], recipe: Recipe, origin: Mapping[str, Any], machine: Machine, places: Sequence[str]
) -> None:
    """Have the shards translated that are not on disk."""
    left = [shard for shard in shards if shard.read() is None]
    total, there = _sentences(shards), _sentences(shards) - _sentences(left)
    off = None if machine.progress else True  # None: where there is no terminal
    bar = tqdm(total=total, initial=there, unit="sentence", desc="translate", disable=off)
    with bar, closing(_done(left, recipe, origin, machine, places)) as counts:
        for count in counts:
            bar.update(count)


def _done(
    left: Sequence[Shard], recipe: Recipe, origin: Mapping[str, Any], machine: Machine, places: Sequence[str]
) -> Generator[int, None, None]:
    """Translate shards over Ray or in processes of our own; how many sentences are done, as they are."""
    if machine.ray is None:
        return _done_here(left, recipe, places)
    from terna.data.translation.over_ray import over_ray

    return over_ray(left, recipe, origin, machine)


def _done_here(left: Sequence[Shard], recipe: Recipe, places: Sequence[str]) -> Generator[int, None, None]:
    """Translate shards, and write each down as soon as it is whole; how many sentences are done, as they are."""
    jobs = [list(shard.batches(recipe.settings.batch_tokens)) for shard in left]
    made: dict[int, list[Output]] = {}
    with closing(outputs(jobs, recipe, places)) as results:
        for number, found in results:
            made.setdefault(number, []).extend(found)
            if len(made[number]) == len(left[number].texts):
                left[number].write(made.pop(number))
            yield len(found)


def _sentences(shards: Iterable[Shard]) -> int:
    return sum(len(shard.texts) for shard in shards)


def _table(shards: Sequence[Shard]) -> pa.Table:
    raw = pa.concat_tables([SHARD.empty_table(), *(_read(shard) for shard in shards)]).sort_by("source").to_pydict()
    reasons = [
        degenerate(source, target, ended=ended)
        for source, target, ended in zip(raw["source"], raw["target"], raw["ended"], strict=True)
    ]
    targets = [None if reason else target for target, reason in zip(raw["target"], reasons, strict=True)]
    return pa.table([raw["source"], targets, reasons], schema=COLUMNS)


def _read(shard: Shard) -> pa.Table:
    table = shard.read()
    if table is None:
        raise DataError(f"{shard.path}: cannot be read back; check the disk, and run the stage again")
    return table
