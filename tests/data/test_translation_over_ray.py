"""Translation by Ray's workers: the files of processes of our own, though a worker or the command is killed."""

import json
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import transformers
from ray_inputs import actors, begin, call_here, wait_for
from translator_inputs import CPU, SENTENCES, save_marian, settings

from terna.data.translation import translate
from terna.data.translation.over_ray import Block, Translating
from terna.errors import ModelError
from terna.running.cluster import Done

RAY = replace(CPU, ray="local", workers=2)
# the command that is killed: sentences in, the folder of shards out
COMMAND = """
import json, sys
from pathlib import Path
from translator_inputs import settings
from test_translation_over_ray import RAY
from terna.data.translation import translate
from terna.running.faults import told

with told():
    translate(json.loads(Path(sys.argv[1]).read_text()), "en", settings(sys.argv[2]), RAY, Path(sys.argv[3]))
"""


@pytest.fixture(scope="module")
def marian(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_marian(tmp_path_factory.mktemp("marian") / "checkpoint", tmp_path_factory.mktemp("fitted"))


def contents(work: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in work.iterdir()}


def test_workers_write_the_files_of_one_process_and_only_those_that_are_missing(
    marian: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = call_here(monkeypatch)
    one = translate(SENTENCES, "en", settings(marian), CPU, tmp_path / "one")
    monkeypatch.chdir(tmp_path)
    checkpoint = settings(os.path.relpath(marian))
    assert translate(SENTENCES, "en", checkpoint, RAY, Path("work")).table == one.table
    assert contents(tmp_path / "work") == contents(tmp_path / "one")
    assert len(given) == 4 and all(Path(block.path).is_absolute() for block in given)
    first, second, *_ = sorted((tmp_path / "work").iterdir())
    first.unlink()
    second.write_bytes(b"PAR1")
    (tmp_path / "work" / f".{first.name}.7-ab.part").touch()
    given.clear()
    translate(SENTENCES, "en", checkpoint, RAY, Path("work"))
    assert contents(tmp_path / "work") == contents(tmp_path / "one")
    assert sorted(Path(block.path).name for block in given) == [first.name, second.name]
    given.clear()
    translate(SENTENCES, "en", checkpoint, RAY, Path("work"))
    assert given == []


def test_another_checkpoint_or_version_on_a_workers_machine_is_refused(
    marian: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call_here(monkeypatch)
    one = Translating.__init__

    def elsewhere(*given: object, **named: object) -> None:
        monkeypatch.setattr(transformers, "__version__", "5.0.0")
        one(*given, **named)

    monkeypatch.setattr(Translating, "__init__", elsewhere)
    with pytest.raises(ModelError, match=r"'5\.0\.0'\]} on a worker's machine.*give all machines the same files"):
        translate(SENTENCES, "en", settings(marian), RAY, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_shard_that_is_there_is_not_translated_again(
    marian: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call_here(monkeypatch)
    one, counts = Translating.__call__, []

    def twice(self: Translating, block: Block) -> object:
        counts.append(one(self, block).count)
        written = Path(block.path).stat().st_mtime_ns
        assert one(self, block).count == counts[-1]  # as where a worker died before it could say that it was done
        assert Path(block.path).stat().st_mtime_ns == written
        return Done(counts[-1])

    monkeypatch.setattr(Translating, "__call__", twice)
    translate(SENTENCES, "en", settings(marian), RAY, tmp_path)
    assert sum(counts) == len(SENTENCES)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="finds processes by the names that Ray gives them")
def test_a_worker_is_killed_then_the_command_and_the_bytes_are_those_of_one_process(
    marian: Path, tmp_path: Path
) -> None:
    pytest.importorskip("ray", reason="ray is not installed: pip install -e '.[ray]'")
    sentences = [f"{text} {number}" for number in range(40) for text in SENTENCES]
    (tmp_path / "sentences.json").write_text(json.dumps(sentences))
    work, total = tmp_path / "work", -(-len(sentences) // 4)
    line = COMMAND, Path(__file__).parent, tmp_path / "sentences.json", marian, work
    with begin(*line) as command:
        wait_for(command, 3, work, "*.parquet")
        actors(command.pid)[0].kill()
        wait_for(command, len(list(work.glob("*.parquet"))) + total // 4, work, "*.parquet")
        family = psutil.Process(command.pid).children(recursive=True)
        command.send_signal(signal.SIGTERM)
        said = command.communicate(timeout=60)[1].decode()
    assert command.returncode == 143 and "stopped by SIGTERM; the same command runs the stage again" in said, said
    assert not psutil.wait_procs(family, timeout=30)[1], "a Ray of its own ends with the command"
    before = contents(work)
    assert total // 4 < len(before) < total
    with begin(*line) as command:
        said = command.communicate(timeout=120)[1].decode()
    assert command.returncode == 0, said
    translate(sentences, "en", settings(marian), CPU, tmp_path / "one")
    assert contents(work) == contents(tmp_path / "one")
    assert {name: content for name, content in contents(work).items() if name in before} == before
