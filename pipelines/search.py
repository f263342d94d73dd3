"""Search settings of training by the development score, with Optuna's TPE.

reads   params.yaml, data/tokens/, data/teacher/, and of the benchmarks evaluate.select_on alone, a development one
does    trains once a trial, each in a folder of its own; a search that was killed resumes with the same command
writes  search/<name>.json and .md: every trial; search/<name>/<trial>/: what its run wrote, and log.txt; of the
        encoders the best alone

    python pipelines/search.py --trials 20 'train.lr=log(1e-5,1e-4)' train.batch_size=32,64 train.warmup=0.0:0.2

or: make search TRIALS=20 SPACE="train.lr=log(1e-5,1e-4) train.batch_size=32,64 train.warmup=0.0:0.2"
"""

from terna.running import jobs, lock
from terna.running.command import worded
from terna.running.search import Parameter, Trial, best_of, library, markdown, parse, propose

import argparse
import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from terna.errors import DataError, SettingsError
from terna.provenance import NAME, digests
from terna.records import read_json, read_record, sha256_of, write_json, write_text
from terna.release.lineage import recorded
from terna.settings import Settings, compose, load
from terna.training import resume

OUT = Path("search")
INPUTS = (Path("data/tokens"), Path("data/teacher"))
RAW = Path("data/raw/sts")
# what train reads and the stages before it do not: other settings would need other data
SEARCHED = ("train.", "model.pooling", "model.dense")
# the teacher's vectors were computed for them
EARLIER = (
    "train.distill",
    "train.distill.teacher",
    "train.distill.texts",
    "train.similarity_distillation",
    "train.similarity_distillation.teacher",
)
# these change nothing that comes out, so that all trials may share a value of them
SHARED = ("machine.", "logger.")
TRAIN = Path("pipelines/train.py")
COMPOSED = ("--config-path=..", "--config-name=params")
# so many failures one after another are not the settings' fault
ENOUGH = 3


@dataclass(frozen=True)
class Search:
    """What is chosen from, the settings that it starts from, and a name that holds a digest of both."""

    name: str
    space: list[Parameter]
    settings: Settings

    @property
    def folder(self) -> Path:
        """Where its trials run; beside it lie the tables."""
        return OUT / self.name

    @property
    def chosen_on(self) -> str:
        """The figure that says which is best."""
        return f"{self.settings.evaluate.select_on} {self.settings.evaluate.main_score}"

    def trials(self) -> list[Trial]:
        """Those that came to an end."""
        path = self.folder.with_suffix(".json")
        if not path.exists():
            return []
        trials: list[Trial] = read_record(path, {"trials": list[Trial]}, "delete it to train all trials again")[
            "trials"
        ]
        return trials


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("space", nargs="+", help="key=value,value… or key=low:high or key=log(low,high)")
    parser.add_argument("--trials", type=int, default=20, help="how many in all, those of earlier calls included")


@worded(arguments)
def main(given: argparse.Namespace) -> None:
    library()
    search = prepared([word for words in given.space for word in words.split()])
    search.folder.mkdir(parents=True, exist_ok=True)
    with lock.held(search.folder):
        run(search, given.trials)


def prepared(words: Sequence[str]) -> Search:
    """The search that `words` ask for; SettingsError when it, or a value that it would try, is not sound."""
    plain = compose(Path(), [], "params")
    settings = load(plain)
    found = parse(words, plain)
    allow(settings, found)
    for word in (word for one in found for word in one.words()):
        load(compose(Path(), [f"++{word}"], "params"))
    keys = [one.key.rpartition(".")[2] for one in found if len(one.words()) > 1]
    content = json.dumps([[asdict(one) for one in found], identity(settings)], sort_keys=True)
    return Search("-".join([*keys, hashlib.sha256(content.encode()).hexdigest()[:6]]), found, settings)


def allow(settings: Settings, space: Sequence[Parameter]) -> None:
    """SettingsError for a search that would choose on a test set, or that the stages before training would notice."""
    chosen, faults = settings.evaluate.select_on, []
    if settings.evaluate.replication or settings.evaluate.benchmarks[chosen].role != "development":
        faults.append(f"evaluate.select_on: a search chooses on development data, and {chosen} is a test benchmark")
    for one in space:
        allowed = SEARCHED if len(one.words()) > 1 else (*SEARCHED, *SHARED)
        if not one.key.startswith(allowed) or one.key in EARLIER:
            faults.append(
                f"{one.key}: a search is over {', '.join(SEARCHED)} (and may set {', '.join(SHARED)} for all its "
                "trials); put other settings into params.yaml first: pipelines/compose.py, then dvc repro teacher"
            )
    if faults:
        raise SettingsError(faults)


def identity(settings: Settings) -> dict[str, Any]:
    """All that the trials share: what each one's outcome depends on, and the package that chooses."""
    chosen = settings.evaluate.select_on
    return {**resume.identity(settings, digests([*INPUTS, RAW / chosen])), "optuna": version("optuna")}


def run(search: Search, wanted: int) -> None:
    """Run the trials that are not there yet, and tell of each."""
    trials, failures = search.trials(), 0
    print(f"{search.folder}: {len(trials)} of {wanted} trials are there", flush=True)
    while len(trials) < wanted and failures < ENOUGH:
        trials.append(tried(search, trials))
        failures = failures + 1 if trials[-1].failed else 0
        show(search, trials)
        print(
            " ".join([f"trial {trials[-1].number}:", trials[-1].failed or f"{trials[-1].score:.4f}", *trials[-1].words])
        )
    print(f"\n{show(search, trials)}")
    if failures == ENOUGH:
        raise DataError(f"the last {ENOUGH} trials failed, so the search has ended; the same command resumes it")


def tried(search: Search, trials: Sequence[Trial]) -> Trial:
    """The next trial: trained, or taken from an earlier one with the same settings.

    Raises BusyError while a trial of a search that was killed is still running in its folder.
    """
    number, words = len(trials), propose(search.space, trials, search.settings.seed)
    for one in trials:
        if one.words == words:
            return Trial(number, words, one.score, one.step, one.failed)
    folder = search.folder / str(number)
    folder.mkdir(parents=True, exist_ok=True)
    with lock.held(folder):
        pass
    log = folder / "log.txt"
    print(f"trial {number}: {log}", flush=True)
    if not (folder / "models" / NAME).is_file():  # the last thing that training writes
        with log.open("w", encoding="utf-8") as output:
            named = jobs.called(words, name=f"{search.name}/{number}", group=search.name)
            status = jobs.run(TRAIN, [*COMPOSED, *named], folder, output)
        if status:
            jobs.leave_if_stopped(status)
            return Trial(number, words, None, None, f"{jobs.last_error(log)} (status {status}; {log})")
    result = trained(folder)
    return Trial(number, words, result["selected_score"], result["selected_step"], None)


def trained(folder: Path) -> dict[str, Any]:
    """What training measured in a trial's folder; DataError where it is no longer what it wrote."""
    path = Path("metrics/train.json")
    if sha256_of(folder / path) != recorded(folder / "models" / NAME).wrote.get(str(path)):
        raise DataError(
            f"{folder / path}: not as training wrote it; delete {folder}, and the same command trains the trial again"
        )
    result: dict[str, Any] = read_json(folder / path)
    return result


def show(search: Search, trials: Sequence[Trial]) -> str:
    """Write the trials down and keep the best one's encoder alone; the table."""
    described = {"search": search.name, "space": [asdict(one) for one in search.space], "chosen_on": search.chosen_on}
    best = best_of(trials)
    write_json(
        described | {"best": best and best.number, "trials": [asdict(one) for one in trials]},
        search.folder.with_suffix(".json"),
    )
    table = markdown(search.name, search.chosen_on, trials)
    write_text(table, search.folder.with_suffix(".md"))
    for one in trials:
        kept = best is not None and one.number == best.number
        for name in ("checkpoints",) if kept else ("checkpoints", "models/encoder"):
            shutil.rmtree(search.folder / str(one.number) / name, ignore_errors=True)
    return table


if __name__ == "__main__":
    main()
