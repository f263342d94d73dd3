"""What turns a function of the settings into a stage: Hydra in, one sentence and status 1 on a fault.

The same script serves three callers: DVC (which passes `--config-path=.. --config-name=params`, so that params.yaml
is read), a person at the command line (conf/ composed with overrides), and a sweep (`--multirun`), whose jobs are runs
of the script in folders of their own.
"""

import argparse
import contextlib
import functools
import io
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from terna.errors import SettingsError
from terna.running import jobs, lock, outputs
from terna.running.faults import SHOWN, told
from terna.running.process import read_env, settle
from terna.running.streams import only_show, say
from terna.settings import Settings, check_files, check_folder, check_words, composing, load
from terna.settings.declaration import NAMED, NAMES

# Hydra writes no folders of its own: a stage's outputs are those that dvc.yaml names.
TIDY = [
    "hydra.run.dir=.",
    "hydra.job.chdir=true",
    "hydra.sweep.dir=multirun",
    "hydra.sweep.subdir=.",
    "hydra.output_subdir=null",
    "hydra/job_logging=none",
    "hydra/hydra_logging=none",
]
# options of the stages that DVC runs once a name, dvc.yaml's matrices
NAMED_BY_DVC = ("--corpus", "--benchmark")
# options of Hydra by which a shell asks for what completes a line, in words that are no overrides
COMPLETION = {"-sc", "--shell-completion"}
ASKED = re.compile(r"(install|uninstall|query)=(bash|zsh|fish)")
# the environment's variable of Hydra that lets it raise
FULL = "HYDRA_FULL_ERROR"
USAGE = "[key=value ...] [--help | --cfg job | --info [WHAT]] [--config-path=.. --config-name=params]"


def stage(task: Callable[[Settings], str | None], reads: Sequence[str] = ()) -> Callable[[], None]:
    """Make `task` a command: settings composed and checked, then the task, then exit status 0 or 1.

    What the task returns, what it did in one line, is printed after the script's name.

    reads: folders at the project's root that the task reads and does not write. They make it a stage that can run in a
    folder of its own (`hydra.run.dir=…`) and be swept (`--multirun`); any other is refused there.
    """

    def run() -> None:
        script = Path(sys.argv[0]).resolve()
        conf = script.parent.parent / "conf"
        os.chdir(conf.parent)
        done: list[jobs.Job] = []
        with told():
            import hydra

            read_env(conf.parent)
            settle()
            if not COMPLETION & {*sys.argv}:
                sys.argv[1:] = _ordered([*TIDY, *(_lenient(word, conf) for word in _named(sys.argv[1:]))])
            given = _check(script)
            if given.help or given.hydra_help or given.cfg or given.info:
                only_show()
            if given.help:
                print(f"usage: python pipelines/{script.name} {USAGE}\n\n{sys.modules[task.__module__].__doc__}")
            guarded = _guarded(task, script, reads, done)
            with composing(), _hydra_raises("1"):
                hydra.main(version_base="1.3", config_path="../conf", config_name="config")(guarded)()
        if done:
            print(jobs.scores(done), flush=True)
        if failed := [f"  {job.folder}: status {job.status}" for job in done if job.status]:
            heading = f"{len(failed)} job{'' if len(failed) == 1 else 's'} of the sweep failed:"
            sys.exit("\n".join([heading, *failed]))

    run.__doc__ = task.__doc__
    return run


def sweepable(*reads: str) -> Callable[[Callable[[Settings], str | None]], Callable[[], None]]:
    """A stage that may run in folders of its own, in which it finds what it `reads` of the project."""
    return functools.partial(stage, reads=reads)


def _guarded(
    task: Callable[[Settings], str | None], script: Path, reads: Sequence[str], done: list[jobs.Job]
) -> Callable[[object], None]:
    root = script.parent.parent

    @functools.wraps(task)  # Hydra looks for config paths beside the file of the wrapped function
    def run(config: object) -> None:
        with told(), _hydra_raises(None):
            swept, apart = _place(root)
            if (swept or apart) and not reads:
                raise SettingsError([f"{script.name} runs at the project's root alone; sweep with dvc exp run --queue"])
            if swept:
                done.append(_job(script, root))
                return
            settings = load(config)
            with lock.held(Path.cwd()):
                if apart:
                    sys.path.append(str(root))  # where a loss of one's own lies
                    jobs.enter(root, reads, config)
                    settings = load(config)
                outputs.check(script)
                said = task(settings)
            say(script, said)

    return run


def _place(root: Path) -> tuple[bool, bool]:
    """Whether this is a job of a sweep, yet to be run; whether this is a run in a folder of its own."""
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    swept = HydraConfig.get().mode == RunMode.MULTIRUN
    return swept, not swept and Path.cwd().resolve() != root


def _job(script: Path, root: Path) -> jobs.Job:
    """Run a job of a sweep in a process and a folder of its own."""
    from hydra.core.hydra_config import HydraConfig

    words = [word.lstrip("+") for word in HydraConfig.get().overrides.task]
    name = jobs.folder_name(words)
    folder = Path(HydraConfig.get().sweep.dir) / name
    options = [word for word in sys.argv[1:] if not _overrides(word) and word not in ("-m", "--multirun")]
    print(folder, flush=True)
    os.chdir(root)
    status = jobs.run(script, [*options, *jobs.called(words, name=name)], folder)
    jobs.leave_if_stopped(status)
    return jobs.Job(folder, status)


@contextmanager
def _hydra_raises(value: str | None) -> Iterator[None]:
    """Whether Hydra raises what it refuses ("1") or prints it in its own way (None), with a traceback for most."""
    before = os.environ.pop(FULL, None)
    if value is not None:
        os.environ[FULL] = value
    try:
        yield
    finally:
        os.environ.pop(FULL, None)
        if before is not None:
            os.environ[FULL] = before


def _named(words: Sequence[str]) -> Iterator[str]:
    """`--corpus name` → `fetch.only=name`. DVC quotes the name for the shell when it writes it so."""
    following = iter(words)
    for word in following:
        if word not in NAMED_BY_DVC:
            yield word
            continue
        name = next(following, "")
        if not re.fullmatch(NAMES, name):
            raise SettingsError([f"fetch.only: {name!r} is not a valid name; {NAMED}"])
        yield f"fetch.only={name}"


def _check(script: Path) -> argparse.Namespace:
    """Check the files that Hydra is to compose from, and the words of the command line, before it acts on them."""
    given = _options()
    if given.experimental_rerun:
        raise SettingsError(["--experimental-rerun: not for a stage; leave it out"])
    if given.shell_completion and not [word for word in given.overrides if ASKED.fullmatch(word)]:
        raise SettingsError(
            ['--shell-completion: says what to do; eval "$(python pipelines/train.py -sc install=bash)"']
        )
    if faults := list(_at_odds(given)):
        raise SettingsError(faults)
    folder = script.parent / (given.config_path or "../conf")
    check_files(folder.resolve(), given.config_name or "config")
    if given.config_dir:
        check_folder(Path(given.config_dir).resolve())
    check_words(given.overrides)
    return given


def _at_odds(given: argparse.Namespace) -> Iterator[str]:
    """Options of Hydra's that do not go together, which it raises a bare ValueError for or ignores."""
    for option in ("resolve", "package"):
        if getattr(given, option) and not (given.cfg or given.help):
            yield f"--{option}: says how --cfg prints settings; give --cfg job too, or leave it out"
    ways = [f"--{way}" for way in ("run", "multirun", "cfg", "info") if getattr(given, way)]
    if len(ways) > 1:
        yield f"{' '.join(ways)}: one of them alone; leave out the rest"


def _options() -> argparse.Namespace:
    """The command line as Hydra reads it; SettingsError for an unknown option, and for one that lacks its value."""
    from hydra._internal.utils import get_args_parser  # the one that reads the words later

    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            return get_args_parser().parse_args()
    except SystemExit as end:
        if not end.code:
            raise
        raise SettingsError([f"{said.getvalue().rpartition('error: ')[2].strip()}; {SHOWN}"]) from end


def _ordered(words: list[str]) -> list[str]:
    """Overrides first, then options: Hydra's parser takes each in one piece alone, and --info the word behind it."""
    return sorted(words, key=lambda word: not _overrides(word))


def _overrides(word: str) -> bool:
    return not word.startswith("-") and ("=" in word or word.startswith("~"))


def _lenient(word: str, conf: Path) -> str:
    """`key=value` → `++key=value`: an unknown key then reaches our schema, which knows the nearest name."""
    key = word.partition("=")[0]
    plain = "=" in word and key.replace(".", "").replace("_", "").replace("-", "").isalnum()
    if not plain or key.startswith(("-", "hydra.")) or (conf / key).is_dir():
        return word
    return f"++{word}"
