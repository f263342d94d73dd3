"""A stage by hand and under DVC: what its files and its command line say is checked before anything acts on it."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import pytest
import yaml

from terna.errors import DataError
from terna.running import outputs

COMPOSED = ("--config-path=..", "--config-name=params")
FULL = Path("/dev/full")
ENVIRONMENT = {"HF_TOKEN": "hf_secret"}
RUNS_CODE = {"hydra": {"callbacks": {"x": {"_target_": "pathlib.Path.touch", "self": "pwned"}}}}


@pytest.fixture
def project(root: Path, tmp_path: Path) -> Path:
    """The project's settings and scripts, without data."""
    for name in ("conf", "pipelines", "samples", "params.yaml", "dvc.yaml"):
        copy = shutil.copytree if (root / name).is_dir() else shutil.copy
        copy(root / name, tmp_path / name)
    # the package as DVC's dependencies and its plugin name it
    (tmp_path / "src").symlink_to(root / "src")
    return tmp_path


def call(
    project: Path, *words: str, output: IO[str] | int = subprocess.PIPE, **environment: str
) -> subprocess.CompletedProcess[str]:
    """A script or program in the project, which may fail but has no traceback."""
    command = (
        [sys.executable, f"pipelines/{words[0]}.py"] if (project / "pipelines" / f"{words[0]}.py").exists() else []
    )
    line = [*(command or [sys.executable, "-m", words[0]]), *words[1:]]
    variables = {**os.environ, **ENVIRONMENT, **environment}
    done = subprocess.run(line, cwd=project, env=variables, stdout=output, stderr=subprocess.PIPE, text=True)
    assert "Traceback" not in done.stderr, done.stderr
    assert not (project / "pwned").exists(), f"{done.stdout}{done.stderr}"
    return done


def repository(project: Path) -> None:
    subprocess.run(["git", "init", "-q"], cwd=project, check=True)
    call(project, "dvc", "init", "-q")


def change(project: Path, changes: Mapping[str, Any]) -> None:
    path = project / "params.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | dict(changes)))


def test_a_section_of_hydra_s_own_runs_nothing(project: Path) -> None:
    change(project, RUNS_CODE)
    done = call(project, "fetch", *COMPOSED)
    assert done.returncode == 1
    assert done.stderr.startswith("SettingsError: 1 fault in the settings:\n  params.yaml: hydra: settings of Hydra's")
    shutil.copy(project / "params.yaml", project / "conf" / "experiment" / "other.yaml")
    assert "conf/experiment/other.yaml: hydra: " in call(project, "fetch", "experiment=other").stderr


def test_a_key_in_a_file_of_variables_is_read_and_written_nowhere(project: Path) -> None:
    (project / ".env").write_text("TERNA_MIRROR=/nowhere-to-be-found\nWANDB_API_KEY=key-that-is-secret\n")
    done = call(project, "local", *COMPOSED)
    assert (done.returncode, "/nowhere-to-be-found" in done.stderr) == (1, True)
    done = call(project, "local", *COMPOSED, TERNA_MIRROR="")
    assert done.returncode == 0, done.stderr
    kept = [path for path in project.rglob("*") if path.is_file() and b"key-that-is-secret" in path.read_bytes()]
    assert kept == [project / ".env"]
    assert "secret" not in done.stdout + done.stderr


def test_dvc_s_first_stage_says_that_conf_was_edited_and_dvc_exp_run_is_no_edit(project: Path) -> None:
    repository(project)
    path = project / "conf" / "train" / "sample.yaml"
    path.write_text(path.read_text().replace("lr: 1.0e-4", "lr: 2.0e-4"))
    done = call(project, "local", *COMPOSED, DVC_STAGE="local")
    assert (done.returncode, "edited: train.lr. Compose it again: `make params`" in done.stderr) == (0, True)
    done = call(project, "local", *COMPOSED, DVC_STAGE="local", DVC_EXP_NAME="tawny-owl")
    assert (done.returncode, done.stderr) == (0, "")
    assert (project / "logs" / "composed.json").is_file()


@pytest.mark.parametrize(
    ("line", "choices"),
    [
        ("python pipelines/train.py train.loss.t", "train.loss.texts= train.loss.tuples="),
        ("python pipelines/train.py experiment=minilm_es", "experiment=minilm_es experiment=minilm_esxnli"),
    ],
)
def test_a_shell_asks_what_completes_a_line(project: Path, line: str, choices: str) -> None:
    done = call(project, "train", "-sc", "query=bash", COMP_LINE=line, COMP_POINT=str(len(line)))
    assert (done.returncode, done.stdout.strip()) == (0, choices)


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ("fetch", "--help"),
        ("compose", "--help"),
        ("train", "--info"),
        ("train", "--info", *COMPOSED),
        ("train", "--info", "defaults-tree", "train.lr=1"),
        ("train", "--cfg", "job", "train.lr=1e-5"),
        ("train", "--cfg", "job", "--resolve", "--package", "train"),
        ("train", "--hydra-help"),
    ],
)
def test_what_a_script_says_of_itself_comes_without_a_fault(project: Path, words: tuple[str, ...]) -> None:
    done = call(project, *words)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) > 5


@pytest.mark.slow
@pytest.mark.parametrize("words", [("train", "--help"), ("train", "--info"), ("train", "--cfg", "job")])
def test_who_reads_the_beginning_of_what_is_shown_alone_is_told_of_no_fault(
    project: Path, words: Sequence[str]
) -> None:
    """As `head` does."""
    ours, theirs = os.pipe()
    os.close(ours)
    with os.fdopen(theirs, "w") as output:
        done = call(project, *words, output=output)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (("train", "train.lr=["), "'train.lr=[': no override ("),
        (("train", "train.lr"), "'train.lr': no override ("),
        (("compose", "train.lr=[", "lr"), "'lr': no override ("),
        (("train", "model=nothing"), "Could not find 'model/nothing'"),
        (("compose", "model=nothing"), "Could not find 'model/nothing'"),
        (("train", "~nothing"), "Could not delete from config. 'nothing' does not exist"),
        (("train", "-m", "model=nothing", "seed=1,2"), "Could not find 'model/nothing'"),
        (("train", "seed=${nowhere}"), "seed: Interpolation key 'nowhere' not found"),
        (("train", "seed=${seed}"), "seed: interpolates in a circle"),
        (("train", "hydra.run.dir=apart", "seed=${nowhere}"), "seed: Interpolation key 'nowhere' not found"),
        (("train", "--config-name=nowhere"), "conf/nowhere.yaml: no such file"),
        (("train", "--experimental-rerun=x.pickle"), "--experimental-rerun: not for a stage"),
        (("train", "--shell-completion"), "--shell-completion: says what to do; eval"),
        (("train", "-sc", "install=tcsh"), "--shell-completion: says what to do; eval"),
        (("train", "--resolve"), "--resolve: says how --cfg prints settings; give --cfg job too"),
        (("train", "--hydra-help", "--resolve"), "--resolve: says how --cfg prints settings"),
        (("train", "--package=model"), "--package: says how --cfg prints settings"),
        (("train", "--cfg", "job", "--info"), "--cfg --info: one of them alone; leave out the rest"),
        (("train", "--run", "--multirun"), "--run --multirun: one of them alone"),
        (("train", "--cfg"), "argument --cfg/-c: expected one argument"),
        (("train", "--cfg", "x"), "argument --cfg/-c: invalid choice: 'x'"),
        (("train", "--config-dir=/nowhere"), "directory '/nowhere' not found"),
        (("train", "--config-path=/nowhere"), "/nowhere/config.yaml: no such file"),
        (("fetch", "--corpus", "x$(touch pwned)"), "fetch.only: 'x$(touch pwned)' is not a valid name"),
        (("fetch", "--corpus"), "fetch.only: '' is not a valid name"),
        (("compose", "release.name=${oc.env:HF_TOKEN}"), "release.name=${oc.env:HF_TOKEN}: resolvers are not allowed"),
    ],
)
def test_a_command_line_that_is_no_settings_is_told_in_one_message(
    project: Path, words: tuple[str, ...], fault: str
) -> None:
    done = call(project, *words)
    assert done.returncode == 1
    assert "SettingsError: " in done.stderr and fault in done.stderr
    assert "HYDRA_FULL_ERROR" not in done.stderr


def test_a_resolver_that_is_typed_for_a_stage_is_resolved(project: Path) -> None:
    words = ("train.epochs=x", "release.name=${oc.env:HF_TOKEN}", "logger.name=${oc.env:NO_SUCH,none}")
    done = call(project, "train", *words, HF_TOKEN="Typed")
    assert "release.name: 'Typed' is not a valid name" in done.stderr


def test_compose_says_in_one_line_what_it_did(project: Path) -> None:
    assert call(project, "compose").stdout == "compose: params.yaml from conf/\n"
    assert call(project, "compose", "train.lr=0.5").stdout == "compose: params.yaml from conf/ with train.lr=0.5\n"
    assert yaml.safe_load((project / "params.yaml").read_text())["train"]["lr"] == 0.5


def test_compose_that_cannot_write_says_where(project: Path) -> None:
    (project / "params.yaml").unlink()
    (project / "params.yaml").mkdir()
    done = call(project, "compose")
    assert done.returncode == 1
    assert "params.yaml: cannot be written (Is a directory)" in done.stderr
    assert "params.yaml: a folder, not a file" in call(project, "fetch", *COMPOSED).stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stage", "folders", "files", "told"),
    [
        ("train", ["metrics/train.json"], [], "metrics/train.json: a folder, expected a file"),
        ("train", [], ["models/encoder"], "models/encoder: a file, expected a folder"),
        ("train", [], ["models"], "models/encoder: models is a file, and should be a folder"),
        ("evaluate", ["reports/results.md"], [], "reports/results.md: a folder, expected a file"),
        ("evaluate", [], ["predictions"], "predictions: a file, expected a folder"),
        ("report", ["reports/index.html"], [], "reports/index.html: a folder, expected a file"),
        ("fetch", [], ["data/raw/sts"], "data/raw/sts: a file, expected a folder"),
        ("parallel", [], ["data"], "data/parallel: data is a file, and should be a folder"),
    ],
)
def test_an_output_of_the_other_kind_is_told_before_anything_is_read(
    project: Path, stage: str, folders: list[str], files: list[str], told: str
) -> None:
    for name in folders:
        (project / name).mkdir(parents=True)
    for name in files:
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text("kept")
    done = call(project, stage)  # none of what it reads is there, which it would say otherwise
    assert done.returncode == 1
    assert done.stderr.startswith(f"DataError: {told}; move it away, then run the same command again\n")
    assert all((project / name).read_text() == "kept" for name in files)


@pytest.mark.parametrize("graph", ["stages: [", "", "stages: {train: {}}", "stages: {train: {cmd: [a]}}", "\xff"])
def test_a_graph_that_is_none_is_told_by_its_file(project: Path, graph: str) -> None:
    (project / "dvc.yaml").write_bytes(graph.encode("latin-1"))
    with pytest.raises(DataError, match=r"dvc\.yaml: no graph of stages"):
        outputs.check(project / "pipelines" / "train.py")


@pytest.mark.parametrize("stage", ["fetch", "parallel", "translate", "triplets", "train", "evaluate", "release"])
def test_what_a_stage_wrote_before_does_not_stop_it(project: Path, stage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    for name in ("metrics/train.json", "metrics/sts.json", "reports/results.md", "reports/index.html"):
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).touch()
    for name in ("data/raw/sts/own", "data/nli", "models/encoder", "predictions", "release", "plots"):
        (project / name).mkdir(parents=True)
    outputs.check(project / "pipelines" / f"{stage}.py")


@pytest.mark.slow
def test_a_run_without_git_says_how_to_have_it_or_do_without(project: Path, root: Path) -> None:
    (project / ".dvc").mkdir()
    shutil.copy(root / ".dvc" / "config", project / ".dvc" / "config")
    (project / "dvc.yaml").write_text("stages: {}\n")
    refused = call(project, "run")
    assert refused.returncode == 1
    assert refused.stderr == (
        f"DataError: {project}: no Git repository, which DVC looks for; run `git init`, or `dvc config --local "
        "core.no_scm true` to run without one\n"
    )
    missing = "DataError: data/raw/nli/sample/fetched.json: "  # what a run looks for when DVC has done its part
    for remedy in (["dvc", "config", "--local", "core.no_scm", "true"], ["git", "init", "--quiet"]):
        subprocess.run([sys.executable, "-m", *remedy] if remedy[0] == "dvc" else remedy, cwd=project, check=True)
        assert call(project, "run").stderr.startswith(missing)
        (project / ".dvc" / "config.local").unlink(missing_ok=True)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (None, "params.yaml: no such file; `make params` composes it from conf/"),
        ("", "seed: missing; `make params` composes it from conf/"),
        ("[1, 2]", "params.yaml: a list, not settings by key; `make params` composes it from conf/"),
    ],
)
def test_a_run_without_settings_names_their_file_and_how_to_make_it(
    project: Path, text: str | None, fault: str
) -> None:
    (project / "params.yaml").unlink()
    if text is not None:
        (project / "params.yaml").write_text(text)
    done = call(project, "run")
    assert done.returncode == 1
    assert done.stderr.startswith("SettingsError: ") and f"  {fault}\n" in done.stderr


def one_stage(project: Path, command: str) -> None:
    """A graph of a single stage, whose output is the folder that is empty by default."""
    repository(project)
    stage = {"cmd": command, "outs": ["data/raw/parallel"]}
    (project / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"parallel": stage}}))


@pytest.mark.slow
def test_a_run_says_nothing_of_dvc_s_remote_or_of_the_folder_that_is_empty_by_default(project: Path) -> None:
    one_stage(project, "mkdir -p data/raw/parallel")
    done = call(project, "run")
    assert "Running stage 'parallel'" in done.stdout
    assert "dvc push" not in done.stdout and "is empty" not in done.stderr
    assert call(project, "run").stdout.endswith("Data and pipelines are up to date.\n")


def test_a_run_whose_stage_fails_says_so_in_dvc_s_words(project: Path) -> None:
    one_stage(project, "exit 7")
    done = call(project, "run")
    assert done.returncode == 1
    assert done.stderr == "ERROR: failed to reproduce 'parallel': failed to run: exit 7, exited with 7\n"


@pytest.mark.parametrize("status", [130, 143])
def test_a_run_whose_stage_a_signal_ended_has_its_status_and_adds_nothing(project: Path, status: int) -> None:
    one_stage(project, f"exit {status}")
    done = call(project, "run")
    assert (done.returncode, done.stderr) == (status, "")


def test_sigterm_to_a_run_ends_the_stage_too(project: Path) -> None:
    one_stage(project, "echo $$ > begun; sleep 60; true")
    line = [sys.executable, "pipelines/run.py"]
    with subprocess.Popen(line, cwd=project, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        while not (project / "begun").exists() or not (project / "begun").read_text():
            assert process.poll() is None
            time.sleep(0.05)
        process.terminate()
        said = process.communicate(timeout=20)[1]
    assert (process.returncode, said) == (143, "stopped by SIGTERM; the same command runs the stage again\n")
    with pytest.raises(ProcessLookupError):
        os.kill(int((project / "begun").read_text()), 0)


def without_local(project: Path) -> None:
    """Take out of the graph the stage before all others, which refuses such names first."""
    graph = yaml.safe_load((project / "dvc.yaml").read_text())
    del graph["stages"]["local"]
    for stage in graph["stages"].values():
        stage["deps"] = [dep for dep in stage["deps"] if not dep.startswith("data/local")]
    (project / "dvc.yaml").write_text(yaml.safe_dump(graph))


@pytest.mark.slow
def test_a_name_that_is_a_command_is_not_run_by_dvc(project: Path) -> None:
    names = [
        "x$(touch pwned)",
        "x`touch pwned`",
        "x'; touch pwned; '",
        'x"; touch pwned; "',
        "x\ntouch pwned\n",
        "${seed}",
    ]
    sample = yaml.safe_load((project / "params.yaml").read_text())["corpora"]["sample"]
    fetched = {"only": None, "corpora": names, "benchmarks": []}
    change(project, {"corpora": dict.fromkeys(names, sample), "fetch": fetched})
    without_local(project)
    repository(project)
    done = call(project, "dvc", "repro", "--keep-going", "fetch")
    assert done.returncode != 0
    # of a name of two lines DVC makes two commands, the first without its closing quote, which no shell runs
    refused = [name for name in names if f"fetch.only: {name!r} is not a valid name" in done.stderr]
    assert refused == [name for name in names if "\n" not in name]


@pytest.mark.slow
def test_what_is_no_list_of_names_is_not_run_by_dvc(project: Path) -> None:
    without_local(project)
    repository(project)
    for names in ([{"x$(touch pwned)": "a"}], [["a; touch pwned"]], {"x$(touch pwned)": 1}):
        change(project, {"fetch": {"only": None, "corpora": names, "benchmarks": []}})
        assert call(project, "dvc", "repro", "fetch").returncode != 0


@pytest.mark.slow
def test_dvc_composes_no_resolver_into_what_is_committed(project: Path, root: Path) -> None:
    repository(project)
    shutil.copy(root / ".dvc" / "config", project / ".dvc" / "config")
    for words in (["add", "-A"], ["-c", "user.name=a", "-c", "user.email=a", "commit", "-qm", "a"]):
        subprocess.run(["git", *words], cwd=project, check=True)
    before = (project / "params.yaml").read_bytes()
    run = ("dvc", "exp", "run", "--dry")
    for resolver in ("${oc.env:HF_TOKEN}", "${now:%Y}"):
        typed = call(project, *run, "-S", f"release.name=x{resolver}")
        assert f"release.name: {resolver.partition(':')[0]}:…}} is a resolver; write the value" in typed.stderr
    sample = project / "conf" / "corpora" / "sample.yaml"
    sample.write_text(sample.read_text() + "\nother: ${oc.env:HF_TOKEN}\n")
    assert "conf/corpora/sample.yaml: other: '${oc.env:HF_TOKEN}': resolvers are" in call(project, *run).stderr
    assert (project / "params.yaml").read_bytes() == before


@pytest.mark.slow
@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full here")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("words", [("results", "--help"), ("fetch", "--help"), ("fetch", "--cfg", "job")])
def test_standard_output_that_is_full_is_named_and_not_the_disk(
    project: Path, words: tuple[str, ...], unbuffered: str
) -> None:
    with FULL.open("w") as full:
        done = call(project, *words, output=full, PYTHONUNBUFFERED=unbuffered)
    assert done.returncode == 1
    assert done.stderr == (
        "DataError: standard output: No space left on device; the output is incomplete. Write it elsewhere\n"
    )


@pytest.mark.slow
def test_who_stops_reading_a_pipe_at_the_end_is_told_nothing(project: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as pipe:
        done = call(project, "results", "--help", output=pipe, PYTHONUNBUFFERED="")
    assert (done.returncode, done.stderr) == (0, "")
