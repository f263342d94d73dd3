"""Training on two machines, rehearsed in two network namespaces: the same bytes, lost processes, and SLURM's script."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sweep_inputs import COMPOSED, digests, run
from training_inputs import settings_for
from two_machines import Machines, children, ended, two_machines

from terna.errors import ModelError, ProcessError
from terna.settings import Machine
from terna.training import resume
from terna.training.processes import strategy_of

TORCHRUN = {"TORCHELASTIC_RUN_ID": "none", "LOCAL_WORLD_SIZE": "4", "WORLD_SIZE": "8"}
SRUN = {"SLURM_NTASKS": "8", "SLURM_NTASKS_PER_NODE": "4", "SLURM_NNODES": "2"}
EPOCHS = "train.epochs=6"
INTERRUPTED = (EPOCHS, "machine.checkpoint_every=10")
# of sbatch, as https://slurm.schedmd.com/sbatch.html has them: those of the script, and what they take
SBATCH = {
    "job-name": r"[\w-]+",
    "nodes": r"\d+(-\d+)?",
    "ntasks-per-node": r"\d+",
    "gpus-per-node": r"([a-z]\w*:)?\d+",
    "cpus-per-task": r"\d+",
    "time": r"(\d+-)?\d+(:\d\d){0,2}",
    "output": r"[\w%./-]+",
    "open-mode": "append|truncate",
    "requeue": "",
    "signal": r"([RB]{1,2}:)?(SIG)?[A-Z0-9]+(@\d{1,5})?",
}
# what srun sets in each process, as far as Lightning and the project read it
SRUN_STAND_IN = """#!/bin/bash
while [[ $1 == --* ]]; do shift; done
export SLURM_NTASKS=2 MASTER_ADDR=127.0.0.1 MASTER_PORT=29511
for number in 0 1; do
    SLURM_PROCID=$number SLURM_LOCALID=0 SLURM_NODEID=$number "$@" &
    started[number]=$!
    echo $! >> started
done
status=0
for each in "${started[@]}"; do wait "$each" || { found=$?; ((found > status)) && status=$found; }; done
exit "$status"
"""


@pytest.mark.parametrize("variables", [TORCHRUN, SRUN], ids=["torchrun", "srun"])
def test_processes_that_a_launcher_started_must_be_those_of_the_settings(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    given = strategy_of(Machine("cpu", 4, 2, 200, 1, False, 60))
    assert not isinstance(given, str)
    for devices, nodes in ((1, 1), (8, 1), (2, 4), (4, 1)):
        asked = rf"started 4 on each of 2 machines.*is {devices}, machine.nodes {nodes}; give machine.devices=4 machine"
        with pytest.raises(ProcessError, match=asked):
            strategy_of(Machine("cpu", devices, nodes, 200, 1, False, 60))


def test_no_launcher_and_an_interactive_session_of_slurm_leave_the_settings_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert strategy_of(Machine("cpu", 1, 1, 200, 1, False, 60)) == "auto"
    for name, value in {**SRUN, "SLURM_JOB_NAME": "interactive"}.items():
        monkeypatch.setenv(name, value)
    assert strategy_of(Machine("cpu", 1, 1, 200, 1, False, 60)) == "auto"


def test_of_several_processes_the_first_alone_makes_the_folder_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", "1")
    assert resume.claim(tmp_path / "checkpoints", {"seed": 1}) is None
    assert not (tmp_path / "checkpoints").exists()
    monkeypatch.setenv("RANK", "0")
    assert resume.claim(tmp_path / "checkpoints", {"seed": 1}) is None
    assert (tmp_path / "checkpoints" / resume.IDENTITY).is_file()


def test_a_run_resumes_on_as_many_processes_alone(root: Path, tmp_path: Path) -> None:
    def claimed(*words: str) -> Path | None:
        return resume.claim(tmp_path, resume.identity(settings_for(root, *words), {}))

    assert claimed("machine.nodes=2") is None
    (tmp_path / resume.CHECKPOINT).touch()
    assert claimed("machine.devices=2") == tmp_path / resume.CHECKPOINT
    with pytest.raises(ModelError, match=r"processes: 2 there, 1 here\nSet them back to resume that run, or delete"):
        claimed()


@pytest.fixture(scope="module")
def whole(ready: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two processes on one machine make of a run that nothing interrupts."""
    project = copied(ready, tmp_path_factory.mktemp("whole") / "project")
    done = run(project, "train", *COMPOSED, EPOCHS, "machine.devices=2")
    assert done.returncode == 0, done.stderr
    return project


@pytest.fixture
def machines() -> Iterator[Machines]:
    """Two machines."""
    with two_machines() as found:
        yield found


def copied(ready: Path, folder: Path) -> Path:
    shutil.copytree(ready, folder)
    return folder


def made(project: Path) -> list[dict[str, str]]:
    return [digests(project / name) for name in ("models", "metrics", "plots")]


def wait_for_checkpoint(project: Path, *processes: subprocess.Popen[str]) -> None:
    until = time.monotonic() + 60
    while not (project / "checkpoints" / resume.CHECKPOINT).is_file():
        assert time.monotonic() < until
        assert all(process.poll() is None for process in processes), processes[0].communicate()
        time.sleep(0.02)


@pytest.mark.slow
@pytest.mark.xdist_group("machines")
def test_two_machines_with_folders_of_their_own_end_in_the_bytes_of_two_processes_on_one(
    machines: Machines, ready: Path, tmp_path: Path
) -> None:
    first, second, alone = (copied(ready, tmp_path / name) for name in ("first", "second", "alone"))
    both = ended(machines.train(0, first), machines.train(1, second), within=120)
    assert [status for status, *_ in both] == [0, 0], both
    done = run(alone, "train", *COMPOSED, "machine.devices=2")
    assert done.returncode == 0, done.stderr
    assert made(first) == made(alone)
    assert not any((second / name).exists() for name in ("models", "metrics", "plots", "checkpoints"))
    assert [path.name for path in (second / "logs").iterdir()] == ["composed.json"]  # by compose.py, before


@pytest.mark.slow
@pytest.mark.xdist_group("machines")
def test_a_process_of_other_settings_ends_all_and_says_which(machines: Machines, ready: Path, tmp_path: Path) -> None:
    project = copied(ready, tmp_path / "project")
    (_, _, first), (_, _, second) = ended(
        machines.train(0, project), machines.train(1, project, "train.lr=0.01"), within=120
    )
    assert "ProcessError: another process has other settings, data or checkpoints; its own output says" in first
    assert "ProcessError: process 1 has other settings, data or checkpoints than the first:\n  train.lr: " in second


def killed(machines: Machines, project: Path, victim: int) -> None:
    """Two machines train until one's process is killed, which the other says."""
    both = [machines.train(number, project, *INTERRUPTED) for number in (0, 1)]
    wait_for_checkpoint(project, *both)
    [rank] = children(both[victim])
    os.kill(rank, signal.SIGKILL)
    told = ended(*both, within=20)
    assert [status for status, *_ in told] == [1, 1]
    assert re.search(
        r"ProcessError: the other processes are lost after step \d+: .*the same command", told[1 - victim][2]
    )


@pytest.mark.slow
@pytest.mark.xdist_group("machines")
def test_when_the_first_process_is_killed_the_other_ends_and_says_so(
    machines: Machines, ready: Path, tmp_path: Path
) -> None:
    killed(machines, copied(ready, tmp_path / "project"), 0)


@pytest.mark.slow
@pytest.mark.xdist_group("machines")
def test_when_another_process_is_killed_the_same_command_resumes_to_the_same_bytes(
    machines: Machines, ready: Path, whole: Path, tmp_path: Path
) -> None:
    project = copied(ready, tmp_path / "project")
    killed(machines, project, 1)
    both = [machines.train(number, project, *INTERRUPTED) for number in (0, 1)]
    assert [status for status, *_ in ended(*both, within=120)] == [0, 0]
    assert made(project) == made(whole)


@pytest.mark.slow
@pytest.mark.xdist_group("machines")
def test_a_machine_that_is_out_of_reach_ends_the_run_within_the_timeout(
    machines: Machines, ready: Path, tmp_path: Path
) -> None:
    project = copied(ready, tmp_path / "project")
    words = ("train.epochs=60", "machine.checkpoint_every=10", "machine.timeout=10")
    both = [machines.train(number, project, *words) for number in (0, 1)]
    wait_for_checkpoint(project, *both)
    machines.cut()
    for status, _, told in ended(*both, within=40):
        assert status == 1
        assert "ProcessError: the other processes are lost after step" in told


@pytest.mark.slow
@pytest.mark.xdist_group("machines")
def test_sigterm_to_one_machine_stops_both_after_the_same_step(machines: Machines, ready: Path, tmp_path: Path) -> None:
    project = copied(ready, tmp_path / "project")
    words = ("train.epochs=60", "machine.checkpoint_every=25")
    both = [machines.train(number, project, *words) for number in (0, 1)]
    wait_for_checkpoint(project, *both)
    [rank] = children(both[1])
    os.kill(rank, signal.SIGTERM)
    steps = [re.findall(r"stopped by SIGTERM after step (\d+)", told) for _, _, told in ended(*both, within=40)]
    assert steps == [[str(resume.steps_done(project / "checkpoints" / resume.CHECKPOINT))]] * 2


def test_slurms_script_has_options_of_sbatch_and_commands_that_there_are(root: Path) -> None:
    script = root / "docs" / "slurm.sh"
    text = script.read_text(encoding="utf-8")
    assert text.startswith("#!/bin/bash\n")
    head, body = re.split(r"^(?=[^#\n])", text, maxsplit=1, flags=re.MULTILINE)  # sbatch reads no further
    assert "#SBATCH" not in body
    for name, _, value in re.findall(r"^#SBATCH --([\w-]+)(=?)(.*)$", head, re.MULTILINE):
        assert re.fullmatch(SBATCH[name], value), (name, value)
    assert head.count("#SBATCH") == len(SBATCH)
    subprocess.run(["bash", "-n", script], check=True)
    words = shlex.split(body.replace("\\\n", " "), comments=True)
    assert (root / words[words.index("python") + 1]).is_file()


@pytest.mark.slow
@pytest.mark.xdist_group("machines")
def test_slurms_script_trains_is_put_back_into_the_queue_by_sigterm_and_resumes(
    root: Path, ready: Path, whole: Path, tmp_path: Path
) -> None:
    project = copied(ready, tmp_path / "project")
    commands = {"srun": SRUN_STAND_IN, "scontrol": '#!/bin/bash\necho "$@" > requeued\n'}
    (tmp_path / "bin").mkdir()
    for name, text in commands.items():
        (tmp_path / "bin" / name).write_text(text)
        (tmp_path / "bin" / name).chmod(0o755)
    words = (EPOCHS, "machine.accelerator=cpu", "machine.checkpoint_every=10", "machine.progress=false")
    path = os.pathsep.join([str(tmp_path / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]])
    job = {"SLURM_JOB_ID": "41", "SLURM_CPUS_PER_TASK": "1", "SLURM_NTASKS_PER_NODE": "1", "SLURM_NNODES": "2"}
    env = {**os.environ, **job, "PATH": path}

    def submitted() -> subprocess.Popen[str]:
        line, pipe = ["bash", str(root / "docs" / "slurm.sh"), *words], subprocess.PIPE
        return subprocess.Popen(line, cwd=project, env=env, stdout=pipe, stderr=pipe, text=True)

    first = submitted()
    wait_for_checkpoint(project, first)
    for started in (project / "started").read_text().split():
        os.kill(int(started), signal.SIGTERM)
    [(status, _, told)] = ended(first, within=40)
    assert (status, told.count("stopped by SIGTERM after step")) == (143, 2), told
    assert (project / "requeued").read_text() == "requeue 41\n"
    [(status, _, told)] = ended(submitted(), within=90)
    assert status == 0, told
    assert made(project) == made(whole)
