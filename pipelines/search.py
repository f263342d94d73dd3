"""Search settings of training by the development score, with Optuna's TPE, and train the best with several seeds.

reads   params.yaml, data/tokens/, data/teacher/, and of the benchmarks only evaluate.select_on, a development benchmark
does    trains once per trial, in a folder of its own; then trains the best trials with the other seeds, and compares
        their means with each other and with the start; after a kill, the same command resumes the search
writes  search/<name>.json and .md: all trials, and the finals; search/<name>/<trial>/ and <trial>-seed-<seed>/: the
        outputs of its run, and log.txt; encoders only of the finalists

    python pipelines/search.py --trials 20 'train.lr=log(1e-5,1e-4)' train.batch_size=32,64 train.warmup=0.0:0.2

or: make search TRIALS=20 FINALS=3 SEEDS="1 2 3" SPACE="train.lr=log(1e-5,1e-4) train.batch_size=32,64"
"""

from terna.running import jobs, lock
from terna.running.command import worded
from terna.running.search import (
    Finals,
    Parameter,
    Trial,
    allow,
    best_of,
    combined,
    distinct_starts,
    finalists,
    library,
    markdown,
    outcome_of,
    parse,
    propose,
)

import argparse
import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from terna.arrays import Floats
from terna.data.evaluators import read_evaluator
from terna.errors import DataError
from terna.metrics.standings import ranking
from terna.provenance import NAME, digests
from terna.records import (
    OUTCOMES,
    read_json,
    read_record,
    read_table,
    sha256_of,
    write_json,
    write_text,
)
from terna.release.lineage import recorded
from terna.settings import Settings, compose, load
from terna.training import resume

OUT = Path("search")
INPUTS = (Path("data/tokens"), Path("data/teacher"))
RAW = Path("data/raw/sts")
TRAIN = Path("pipelines/train.py")
COMPOSED = ("--config-path=..", "--config-name=params")
# in a trial's folder
FIGURES = Path("metrics/train.json")
COMPARED = Path("plots/outcomes.parquet")
# so many failures one after another are not the settings' fault
ENOUGH = 3


@dataclass(frozen=True)
class Search:
    """What is chosen from, the settings that it starts from, and a name that holds a digest of both.

    finals: how many of the best trials are trained with each of `seeds`.
    """

    name: str
    space: list[Parameter]
    settings: Settings
    finals: int
    seeds: list[int]

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
    parser.add_argument(
        "--finals", type=whole, default=3, help="how many of the best are trained with each seed; 0: no finals"
    )
    parser.add_argument(
        "--seeds", type=several, help="of the finals, '1 2 3'; default: that of params.yaml and the two after it"
    )


def whole(word: str) -> int:
    """A number from 0."""
    if not word.isascii() or not word.isdigit():
        raise argparse.ArgumentTypeError(f"{word!r}: a whole number from 0 is needed")
    return int(word)


def several(words: str) -> list[int]:
    """Numbers with spaces between them, each once."""
    found = list(dict.fromkeys(map(whole, words.split())))
    if not found:
        raise argparse.ArgumentTypeError("no seed; give one or several, '1 2 3'")
    return found


@worded(arguments)
def main(given: argparse.Namespace) -> str | None:
    library()
    search = prepared([word for words in given.space for word in words.split()], given.finals, given.seeds)
    search.folder.mkdir(parents=True, exist_ok=True)
    with lock.held(search.folder):
        trials = run(search, given.trials)
        finals = compete(search, trials) if search.finals else None
        print(f"\n{show(search, trials, finals)}", flush=True)
    return finals.sentence() if finals else None


def prepared(words: Sequence[str], finals: int, seeds: Sequence[int] | None) -> Search:
    """The search that `words` ask for; SettingsError when it, or a value that it would try, is not sound."""
    settings = load(compose(Path(), [], "params"))
    found = parse(words)
    allow(settings, found)
    every = list(seeds or range(settings.seed, settings.seed + 3))
    for together in [*combined(found), *([f"seed={seed}"] for seed in every)]:
        load(compose(Path(), [f"++{word}" for word in together], "params"))
    keys = [one.key.rpartition(".")[2] for one in found if len(one.words()) > 1]
    content = json.dumps([[asdict(one) for one in found], identity(settings)], sort_keys=True)
    name = "-".join([*keys, hashlib.sha256(content.encode()).hexdigest()[:6]])
    return Search(name, found, settings, finals, every)


def identity(settings: Settings) -> dict[str, Any]:
    """All that the trials share: what each one's outcome depends on, and the package that chooses."""
    chosen = settings.evaluate.select_on
    return {**resume.identity(settings, digests([*INPUTS, RAW / chosen])), "optuna": version("optuna")}


def run(search: Search, wanted: int) -> list[Trial]:
    """Run the trials that are not there yet, and tell of each; all that are there then."""
    trials, failures = search.trials(), 0
    print(f"{search.folder}: {len(trials)} of {wanted} trials are there", flush=True)
    while len(trials) < wanted and failures < ENOUGH:
        trials.append(tried(search, trials))
        failures = failures + 1 if trials[-1].failed else 0
        show(search, trials)
        print(
            " ".join([f"trial {trials[-1].number}:", trials[-1].failed or f"{trials[-1].score:.4f}", *trials[-1].words])
        )
    if failures == ENOUGH:
        print(f"\n{show(search, trials)}")
        raise DataError(f"the last {ENOUGH} trials failed, so the search has ended; the same command resumes it")
    return trials


def tried(search: Search, trials: Sequence[Trial]) -> Trial:
    """The next trial: trained, or taken from an earlier one with the same settings."""
    number, words = len(trials), propose(search.space, trials, search.settings.seed)
    for one in trials:
        if one.words == words:
            return Trial(number, words, one.score, one.step, one.failed)
    if failed := attempted(search, str(number), words):
        return Trial(number, words, None, None, failed)
    result: dict[str, Any] = read_json(as_written(search.folder / str(number), FIGURES))
    return Trial(number, words, result["selected_score"], result["selected_step"], None)


def attempted(search: Search, name: str, words: Sequence[str]) -> str | None:
    """Train in the search's folder `name`, unless that came to its end before; None, or why it failed.

    Raises BusyError while a run of a search that was killed is still running there.
    """
    folder = search.folder / name
    folder.mkdir(parents=True, exist_ok=True)
    with lock.held(folder):
        pass
    if (folder / "models" / NAME).is_file():  # the last thing that training writes
        return None
    log = folder / "log.txt"
    print(f"trial {name}: {log}", flush=True)
    with log.open("w", encoding="utf-8") as output:
        named = jobs.called(words, name=f"{search.name}/{name}", group=search.name)
        status = jobs.run(TRAIN, [*COMPOSED, *named], folder, output)
    if not status:
        return None
    jobs.leave_if_stopped(status)
    return f"{jobs.last_error(log)} (status {status}; {log})"


def as_written(folder: Path, path: Path) -> Path:
    """A file of a trial's folder; DataError where it is no longer what training wrote."""
    file = folder / path
    if not file.is_file() or sha256_of(file) != recorded(folder / "models" / NAME).wrote.get(str(path)):
        raise DataError(
            f"{file}: not as training wrote it; delete {folder}, and the same command trains the trial again"
        )
    return file


def compete(search: Search, trials: Sequence[Trial]) -> Finals:
    """Train the best trials with the seeds that they were not trained with, and rank them, the start among them."""
    kept: dict[str, list[Floats]] = {}
    starts: dict[str, list[Floats]] = {}
    failed: dict[str, str] = {}
    for one in finalists(trials, search.finals):
        name, folders = f"trial {one.number}", [seeded(one.number, seed, search) for seed in search.seeds]
        for seed, folder in zip(search.seeds, folders, strict=True):
            if reason := attempted(search, folder, [*one.words, f"seed={seed}"]):
                failed[name] = f"seed {seed}: {reason}"
                break
        else:
            tables = [read_table(as_written(search.folder / each, COMPARED), OUTCOMES) for each in folders]
            kept[name], starts[name] = ([outcome_of(each, column) for each in tables] for column in ("kept", "start"))
    # the start before the trials: of equals the first is the best
    systems = {**distinct_starts(starts), **kept}
    evaluate, kind = search.settings.evaluate, search.settings.evaluate.main_score.partition("_")[2]
    task = read_evaluator(evaluate.select_on, evaluate, RAW).metric
    standings = ranking(systems, task, kind, seed=search.settings.seed) if systems else []
    return Finals(search.seeds, standings, failed)


def seeded(number: int, seed: int, search: Search) -> str:
    """The name of the folder of a trial with a seed: that of the trial itself for the search's own."""
    return str(number) if seed == search.settings.seed else f"{number}-seed-{seed}"


def show(search: Search, trials: Sequence[Trial], finals: Finals | None = None) -> str:
    """Write trials and finals down and keep the encoders of the best trials alone; the tables."""
    best = best_of(trials)
    described = {
        "search": search.name,
        "space": [asdict(one) for one in search.space],
        "chosen_on": search.chosen_on,
        "best": best and best.number,
        "trials": [asdict(one) for one in trials],
        "finals": finals and finals.record(),
    }
    write_json(described, search.folder.with_suffix(".json"))
    tables = markdown(search.name, search.chosen_on, trials)
    tables += f"\n{finals.markdown(search.chosen_on)}" if finals else ""
    write_text(tables, search.folder.with_suffix(".md"))
    keep = [str(one.number) for one in finalists(trials, max(1, search.finals))]
    for folder in (path for path in search.folder.iterdir() if path.is_dir()):
        kept = folder.name.partition("-")[0] in keep
        for name in ("checkpoints",) if kept else ("checkpoints", "models/encoder"):
            shutil.rmtree(folder / name, ignore_errors=True)
    return tables


if __name__ == "__main__":
    main()
