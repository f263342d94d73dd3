"""Ctrl-C and SIGTERM, at any time from the first import on, are one sentence and a shell's status for the signal."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from terna.running.signals import INTERRUPTED, Terminated, terminable, unhandled

# a script that is asked to stop as it imports what comes after terna.running; as its task runs
IMPORTING = """
from terna.running.command import command
import signal
signal.raise_signal(signal.SIGINT)
"""
WORKING = """
from terna.running.command import command
import signal
@command
def main():
    signal.raise_signal({number})
main()
"""
FAULT = "import terna.running\nraise ValueError('a fault')"


def run(tmp_path: Path, code: str) -> tuple[int, str]:
    """Status and standard error of a script of its own."""
    script = tmp_path / "pipelines" / "script.py"
    script.parent.mkdir()
    script.write_text(code)
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True)
    return done.returncode, done.stderr


def test_ctrl_c_among_the_imports_is_one_sentence(tmp_path: Path) -> None:
    said = "stopped by Ctrl-C before anything was done; run the same command again\n"
    assert run(tmp_path, IMPORTING) == (INTERRUPTED, said)


def test_another_exception_among_the_imports_is_shown_as_before(tmp_path: Path) -> None:
    status, said = run(tmp_path, FAULT)
    assert status == 1
    assert said.startswith("Traceback") and said.endswith("ValueError: a fault\n")


@pytest.mark.slow
def test_the_library_leaves_the_hook_of_exceptions_alone() -> None:
    rooms = "terna.encoder, terna.data.translation, terna.systems, terna.training"
    code = f"import sys, {rooms}; assert sys.excepthook is sys.__excepthook__"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("number", "name", "status"), [(signal.SIGINT, "Ctrl-C", 130), (signal.SIGTERM, "SIGTERM", 143)]
)
def test_a_signal_to_a_command_at_work_is_one_sentence_and_its_status(
    tmp_path: Path, number: int, name: str, status: int
) -> None:
    said = run(tmp_path, WORKING.format(number=int(number)))
    assert said == (status, f"stopped by {name}; the same command runs the stage again\n")


def test_sigterm_has_the_handler_that_it_had_after_the_block() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Terminated), terminable():
        with unhandled():
            assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) == before


def test_every_script_imports_what_tells_of_ctrl_c_first(root: Path) -> None:
    for script in sorted((root / "pipelines").glob("*.py")):
        imports = [line for line in script.read_text().splitlines() if line.startswith(("import ", "from "))]
        assert imports[0].startswith("from terna.running"), script
