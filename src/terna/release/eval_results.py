"""Results in the hub's own form, .eval_results/*.yaml, from which it makes the leaderboards of its benchmarks.

An entry names a dataset of the hub and a task of it. So only a test benchmark that is read whole from such a dataset
has one: a copy from elsewhere has other bytes, and scores that do not belong on the same leaderboard.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from terna.records import write_text
from terna.settings import Benchmark, Settings, is_hub_name

# in the encoder's folder, which is the root of the repository on the hub
FOLDER = Path(".eval_results")
# What MTEB calls the hub's datasets at these commits. In their eval.yaml it names a task `<this>_<config>_<split>`; its
# main score of STS is FIGURE, in percent.
MTEB = {("mteb/sts22-crosslingual-sts", "d31f33a128469b20e357535c39b82fb3c3f6f2bd"): "STS22.v2"}
FIGURE = "cosine_spearman"


def texts(settings: Settings, scores: Mapping[str, Any], date: str | None) -> dict[str, str]:
    """The YAML of each benchmark that has a task on the hub, by the name of its file.

    scores: the content of metrics/sts.json; an undefined score has no file. date: of the code's commit, ISO 8601; None
    leaves it out, and the hub then takes that of the upload.
    """
    # not at the top: huggingface_hub reads its environment as it is imported, and a stage sets that up only then
    from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml

    repo, found = settings.release.repo, {}
    for name, benchmark in settings.evaluate.benchmarks.items():
        task, value = task_of(benchmark), scores[name].get(FIGURE)
        if benchmark.dataset and task and value is not None:
            entry = EvalResultEntry(
                dataset_id=benchmark.dataset.name,
                task_id=task,
                value=round(100 * value, 5),
                dataset_revision=benchmark.dataset.revision,
                date=date,
                source_url=f"https://huggingface.co/{repo}" if is_hub_name(repo) else None,
                notes=f"{FIGURE} in percent, computed by terna",
            )
            found[f"{name}.yaml"] = yaml.safe_dump(eval_result_entries_to_yaml([entry]), sort_keys=False)
    return found


def task_of(benchmark: Benchmark) -> str | None:
    """The id of the task on the hub that this benchmark is; None where none is known, and for a part of one."""
    dataset = benchmark.dataset
    if dataset is None or dataset.files or benchmark.split or (benchmark.role, benchmark.task) != ("test", "sts"):
        return None
    task = MTEB.get((dataset.name, dataset.revision or ""))
    return task and f"{task}_{dataset.config or 'default'}_{dataset.split}"


def write(found: Mapping[str, str], encoder: Path) -> list[Path]:
    """Write what `texts` gives into an encoder's folder; the folder of the files, or nothing where there are none."""
    for name, text in found.items():
        write_text(text, encoder / FOLDER / name)
    return [encoder / FOLDER] if found else []
