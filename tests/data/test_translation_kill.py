"""A run that was killed resumes where it stopped, does nothing twice, and ends in the bytes of one that never was."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import transformers
from translator_inputs import CPU, SENTENCES, save_marian, settings

from terna.data.translation import translate
from terna.data.translation.decoder import Decoder, Output
from terna.data.translation.shards import Shard
from terna.errors import ModelError
from terna.settings import Machine, Translate

# Forks runs and kills each as soon as there are so many shards; says how many there are in the end.
KILLER = """
import os, signal, sys, time
from pathlib import Path
from translator_inputs import CPU, SENTENCES, settings
from terna.data.translation import translate

def shards(work):
    return len(list(work.glob("*.parquet"))) if work.is_dir() else 0

def kill(work, checkpoint, wanted):
    child = os.fork()
    if child == 0:
        translate(SENTENCES, "en", settings(checkpoint), CPU, work)
        os._exit(0)
    while shards(work) < wanted:
        time.sleep(0.0002)
    os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

checkpoint, work = sys.argv[1], Path(sys.argv[2])
assert [kill(work, checkpoint, wanted) for wanted in (0, 1, 2)] == [-signal.SIGKILL] * 3
print(shards(work))
"""


@pytest.fixture(scope="module")
def marian(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_marian(tmp_path_factory.mktemp("marian") / "checkpoint", tmp_path_factory.mktemp("fitted"))


@pytest.fixture
def whole(marian: Path, tmp_path: Path) -> dict[str, bytes]:
    """The shards of a run that nothing disturbed."""
    translate(SENTENCES, "en", settings(marian), CPU, tmp_path / "whole")
    return contents(tmp_path / "whole")


def contents(work: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in work.glob("*.parquet")}


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many sentences each batch that is put to the model has."""
    counts: list[int] = []
    original = Decoder.__call__

    def count(self: Decoder, rows: list) -> list:
        counts.append(len(rows))
        return original(self, rows)

    monkeypatch.setattr(Decoder, "__call__", count)
    return counts


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork and no SIGKILL")
def test_after_sigkill_at_any_shard_the_rest_is_translated_and_the_bytes_are_the_same(
    marian: Path, tmp_path: Path, whole: dict[str, bytes], calls: list[int]
) -> None:
    work = tmp_path / "killed"
    paths = os.pathsep.join([str(Path(__file__).parents[1] / "helpers"), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", KILLER, str(marian), str(work)]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    before = contents(work)
    assert 2 <= len(before) == int(done.stdout) < len(whole)
    calls.clear()
    translate(SENTENCES, "en", settings(marian), CPU, work)
    assert contents(work) == whole
    assert sum(calls) == len(SENTENCES) - 4 * len(before)


@pytest.mark.parametrize("shards", [0, 1, 3])
def test_after_an_interruption_only_what_is_missing_is_translated(
    marian: Path,
    tmp_path: Path,
    whole: dict[str, bytes],
    calls: list[int],
    monkeypatch: pytest.MonkeyPatch,
    shards: int,
) -> None:
    original = Shard.write

    def write(self: Shard, outputs: list) -> None:
        if len(contents(tmp_path / "work")) == shards:
            raise KeyboardInterrupt
        original(self, outputs)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Shard, "write", write)
        translate(SENTENCES, "en", settings(marian), CPU, tmp_path / "work")
    assert len(contents(tmp_path / "work")) == shards
    calls.clear()
    made = translate(SENTENCES, "en", settings(marian), CPU, tmp_path / "work")
    assert contents(tmp_path / "work") == whole
    assert sum(calls) == len(SENTENCES) - 4 * shards
    calls.clear()
    assert (
        translate(SENTENCES, "en", settings(marian), Machine("cpu", 1, 1, 200, 2, False, 1800), tmp_path / "work")
        == made
    )
    assert calls == [], "a run that is complete does not even start a process"


@pytest.mark.parametrize("damage", ["truncated", "empty", "other columns", "another's"])
def test_a_damaged_shard_is_made_again(
    marian: Path, tmp_path: Path, whole: dict[str, bytes], calls: list[int], damage: str
) -> None:
    work = tmp_path / "work"
    translate(SENTENCES, "en", settings(marian), CPU, work)
    path, other = sorted(work.iterdir())[:2]
    damaged = {"truncated": path.read_bytes()[:-9], "empty": b"", "another's": other.read_bytes()}
    if damage == "other columns":
        pq.write_table(pq.read_table(path).rename_columns(["source", "text", "ended"]), path)
    else:
        path.write_bytes(damaged[damage])
    calls.clear()
    translate(SENTENCES, "en", settings(marian), CPU, work)
    assert contents(work) == whole
    assert sum(calls) == 4


def test_a_flipped_bit_never_passes_for_another_translation(tmp_path: Path) -> None:
    texts = [f"sentence {number}" for number in range(30)]
    shard = Shard(tmp_path / "shard.parquet", texts, [np.zeros(1, np.int32)] * len(texts))
    shard.write([Output(f"frase {number * number}", number % 3 == 0) for number in range(30)])
    whole, content = shard.read(), shard.path.read_bytes()
    assert whole is not None
    found = 0
    for place in range(len(content)):
        shard.path.write_bytes(content[:place] + bytes([content[place] ^ (1 << place % 8)]) + content[place + 1 :])
        table = shard.read()
        assert table is None or table.equals(whole)
        found += table is None
    assert found > len(content) // 2


@pytest.mark.parametrize(
    "change", [{"beams": 2}, {"max_length": 29}, {"batch_tokens": 41}, {"precision": "bfloat16"}, {"shard": 5}]
)
def test_other_settings_never_take_up_what_was_made_by_these(
    marian: Path, tmp_path: Path, calls: list[int], change: dict[str, object]
) -> None:
    translate(SENTENCES, "en", settings(marian), CPU, tmp_path)
    before = set(contents(tmp_path))
    calls.clear()
    translate(SENTENCES, "en", settings(marian, **change), CPU, tmp_path)
    assert sum(calls) == len(SENTENCES)
    assert before < set(contents(tmp_path)), "and these stay, for a return to these settings"


@pytest.mark.parametrize("what", ["weights", "tokenizer", "version", "sentences"])
def test_another_checkpoint_version_or_set_of_sentences_never_takes_up_what_was_made(
    marian: Path, tmp_path: Path, calls: list[int], monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    work, sentences = tmp_path / "work", list(SENTENCES)
    translate(sentences, "en", settings(marian), CPU, work)
    changed: Translate = settings(marian)
    if what == "weights":
        changed = settings(save_marian(tmp_path / "other", tmp_path, seed=9))
    elif what == "tokenizer":
        config = marian / "tokenizer_config.json"
        before = config.read_bytes()
        config.write_bytes(before + b"\n")
    elif what == "version":
        monkeypatch.setattr(transformers, "__version__", "5.0.0")
    else:
        sentences[-1] = "A blue car waits in front of the open school."
    calls.clear()
    translate(sentences, "en", changed, CPU, work)
    if what == "tokenizer":
        config.write_bytes(before)
    assert sum(calls) == (4 if what == "sentences" else len(SENTENCES))


def test_a_shard_that_cannot_be_written_stops_the_run(marian: Path, tmp_path: Path) -> None:
    (tmp_path / "work").write_text("a file where the folder should be")
    with pytest.raises((ModelError, OSError)):
        translate(SENTENCES, "en", settings(marian), CPU, tmp_path / "work")
