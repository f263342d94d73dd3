"""A download that is killed at any moment leaves no false file, and the next one resumes where it stopped."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from download_inputs import BODY, digest, hosted

# Runs apart, since a process with threads should not fork: a child fetches, the parent kills it after a random time.
KILLER = """
import json, os, random, signal, sys, time
from pathlib import Path
from terna.data.download import Patience, fetch
from terna.records import sha256_of

address, digest, folder, size = sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4])
target, part = folder / "corpus.bin", folder / ".corpus.bin.part"
chance = random.Random(20220401)

def child():
    pid = os.fork()
    if pid == 0:
        fetch([address], [digest], target, progress=False, patience=Patience(attempts=1))
        os._exit(0)
    return pid

def kill(pid):
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)

seen = {"kills": 0, "whole": 0, "parts": 0, "torn": 0}
for _ in range(50):
    pid = child()
    time.sleep(chance.uniform(0, 0.3))
    kill(pid)
    seen["kills"] += 1
    seen["parts"] += part.exists()
    if target.exists():
        seen["whole"] += 1
        seen["torn"] += sha256_of(target) != digest
        target.unlink()
for path in list(folder.iterdir()):
    path.unlink()
pid = child()
for _ in range(2000):
    time.sleep(0.005)
    if part.exists() and part.stat().st_size > size // 3:
        break
kill(pid)
seen["here"] = part.stat().st_size if part.exists() else 0
fetch([address], [digest], target, progress=False)
seen["last"] = sha256_of(target)
seen["left"] = sorted(path.name for path in folder.iterdir())
print(json.dumps(seen))
"""


@pytest.mark.slow
def test_kill_at_fifty_moments_leaves_no_torn_file_and_the_last_call_goes_on(tmp_path: Path) -> None:
    with hosted() as site:
        site.pages["/corpus.bin"] = lambda answer, _: answer.serve(BODY, pause=0.006)
        words = [f"{site.root}/corpus.bin", digest(BODY), str(tmp_path), str(len(BODY))]
        done = subprocess.run([sys.executable, "-c", KILLER, *words], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        seen = json.loads(done.stdout)
        assert seen["kills"] == 50
        assert seen["torn"] == 0
        assert seen["parts"] > 5, "some were killed half-way"
        assert seen["last"] == digest(BODY)
        assert seen["left"] == ["corpus.bin"]
        assert site.ranges[-1] == f"bytes={seen['here']}-", "the last call resumed where the killed one was"
        print(seen)
