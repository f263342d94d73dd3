"""Run tasks of MTEB, as mteb defines them, on the exported encoder.

reads   models/encoder/, or another system as in `evaluate.systems`; the tasks' data, from the hub or its cache
does    loads each task's data first, keeps the subsets in the language, and lets mteb score them
writes  mteb_results/<task>.json (mteb's own record) and mteb_results/results.md (each task's main score);
        mteb_results/results/<model>/<revision>/, the same records with model_meta.json, as mteb's board takes them

    python pipelines/mteb_tasks.py STSES STS17 STS22        or: make mteb TASKS="STSES STS17 STS22"
"""

from terna.running.command import worded
from terna.running.process import settle

import argparse
import hashlib
import json
import os
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from terna.errors import DataError, ModelError
from terna.markdown import code, table
from terna.records import replacing, write_text
from terna.settings import is_hub_name
from terna.settings.devices import AUTO, device_of

OUT = Path("mteb_results")
# what a missing network, an unknown repository or damaged data raises in mteb, datasets and the hub's client
UNREACHABLE = (OSError, ValueError, RuntimeError, KeyError)


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("tasks", nargs="*", default=["STSES", "STS17", "STS22"], help="names, as mteb lists them")
    parser.add_argument(
        "--encoder", default="models/encoder", help="a folder, owner/name@revision, pkg:module/path, word vectors"
    )
    parser.add_argument(
        "--prompt",
        action="append",
        default=[],
        metavar="NAME=TEXT",
        help="a prompt in place of the encoder's own of this name: query, document, or what mteb calls a task or its "
        "type (STS, STSES, Retrieval-query); may be given several times",
    )
    parser.add_argument("--device", default=AUTO, help="auto, cuda, cuda:N, mps or cpu (auto: the strongest)")
    parser.add_argument("--language", default="spa", help="ISO 639-3 code: subsets with another language are left out")


@worded(arguments)
def main(given: argparse.Namespace) -> None:
    settle()
    chosen = tasks(given.tasks, given.language)
    model = adapted(given.encoder, named(given.prompt), device_of(given.device, "--device"))
    records = [scored(model, task) for task in chosen]
    submission = library().ResultCache(OUT)
    for record in records:
        with replacing(OUT / f"{record.task_name}.json") as beside:
            record.to_disk(beside)
        submission.save_to_cache(record, model.mteb_model_meta)
    results = markdown(given.encoder, records, model.used)
    write_text(results, OUT / "results.md")
    print(results)


def library() -> Any:
    """The package; ModelError when it is not installed."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    try:
        import mteb
    except ImportError as error:
        raise ModelError(f"mteb cannot be imported ({error}); pip install -e '.[mteb]'") from error
    return mteb


def tasks(names: Sequence[str], language: str) -> list[Any]:
    """The tasks by name, with the subsets that are in `language` alone; DataError for an unknown one."""
    mteb = library()
    try:
        with warnings.catch_warnings(action="ignore"):  # what mteb warns of here is refused below
            found = list(mteb.get_tasks(tasks=list(names), languages=[language], exclusive_language_filter=True))
    except (KeyError, ValueError) as error:
        raise DataError(f"mteb: {error.args[0] if error.args else error}; give names that mteb lists") from error
    missing = sorted(set(names) - {task.metadata.name for task in found})
    if missing:
        raise DataError(f"mteb: {', '.join(missing)}: no subset in {language} alone; choose other tasks or --language")
    return found


def named(words: Sequence[str]) -> dict[str, str]:
    """Prompts by name, from words NAME=TEXT; DataError for a word that is none."""
    for word in words:
        if not word.partition("=")[0] or "=" not in word:
            raise DataError(f"--prompt {word}: a name, = and a text are needed, as in --prompt 'query=query: '")
    return {word.partition("=")[0]: word.partition("=")[2] for word in words}


def adapted(where: str, prompts: Mapping[str, str] | None = None, device: str = "cpu") -> Any:
    """A system as mteb wants an encoder; prompts: in place of its own of these names."""
    from terna.systems import load_system
    from terna.systems.mteb_adapter import Adapter

    name, revision = identity(where)
    meta = library().models.ModelMeta.create_empty(overwrites={"name": name, "revision": revision})
    system = load_system(where, device)
    return Adapter(system, meta, replace(system.usage, prompts={**system.usage.prompts, **(prompts or {})}))


def identity(where: str) -> tuple[str, str]:
    """The name and revision that mteb files results under.

    On the hub, the name there and the commit; elsewhere the folder's name and a digest of its files.
    """
    from terna.systems import digests_of, locate

    path = locate(where)
    name, at, _ = where.partition("@")
    if at and is_hub_name(name) and not Path(where).exists():
        return name, path.name  # the folder of a commit is named after it
    digests = sorted(digests_of(path).items())
    return f"terna/{path.name}", hashlib.sha256(repr(digests).encode()).hexdigest()[:12]


def scored(model: Any, task: Any) -> Any:
    """The record of a task, as mteb keeps it; DataError if its data is not available."""
    try:
        task.load_data()
    except UNREACHABLE as error:
        raise DataError(
            f"{task.metadata.name}: its data, {task.metadata.dataset['path']}, are not available: {error}. Run it on a "
            "machine that reaches the hub, or copy the hub's cache (HF_HOME)"
        ) from error
    # no cache of results: it would answer for a folder that has changed since
    result = library().evaluate(model, task, cache=None, co2_tracker=False, show_progress_bar=False)
    return result.task_results[0]


def markdown(encoder: str, records: Iterable[Any], prompts: Mapping[str, Mapping[str, str]] | None = None) -> str:
    """A row a task, split and subset: the main score, the correlations where it has them, and the task's prompts.

    prompts: what was put before texts, by task and prompt type.
    """
    used = {task: told(own) for task, own in (prompts or {}).items()}
    columns = ("main_score", "cosine_pearson", "cosine_spearman")
    rows = [
        [
            *(record.task_name, split, one["hf_subset"]),
            *(f"{one[name]:.4f}" if name in one else "" for name in columns),
            used.get(record.task_name, ""),
        ]
        for record in records
        for split, subsets in record.scores.items()
        for one in subsets
    ]
    return f"{code(encoder)} on MTEB\n\n{table(['task', 'split', 'subset', *columns, 'prompts'], rows)}\n"


def told(prompts: Mapping[str, str]) -> str:
    """What was put before texts, by prompt type; `none` where nothing was."""
    some = [f"{side} {json.dumps(text, ensure_ascii=False)}".strip() for side, text in prompts.items() if text]
    return ", ".join(some) or "none"


if __name__ == "__main__":
    main()
