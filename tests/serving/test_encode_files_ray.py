"""`encode-files` on a real Ray: the bytes of `encode`, though an actor is killed, and ports for this machine alone."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ray_inputs import actors

pytest.importorskip("ray", reason="ray is not installed: pip install -e '.[ray]'")

TERNA = [sys.executable, "-m", "terna"]
ROWS, BLOCK = 20_000, 256


def strangers(command: int) -> list[str]:
    """Addresses that a command and its processes listen on, and that other machines could reach."""
    own = psutil.Process(command)
    open_ = []
    for one in [own, *own.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):
            open_ += one.net_connections("inet")
    addresses = {each.laddr.ip for each in open_ if each.status == psutil.CONN_LISTEN}
    assert addresses
    parsed = {address: ip_address(address) for address in addresses}
    return [name for name, each in parsed.items() if not (getattr(each, "ipv4_mapped", None) or each).is_loopback]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="finds processes by the names that Ray gives them")
def test_two_actors_of_which_one_is_killed_write_the_bytes_of_one_process(encoder_folder: Path, tmp_path: Path) -> None:
    lines = "".join(f"La frase {n} habla del mar.\n" if n % 7 else "\n" for n in range(ROWS))
    (tmp_path / "texts.txt").write_text(lines)
    model, one, out = ["--model", str(encoder_folder)], tmp_path / "one.parquet", tmp_path / "out"
    subprocess.run(
        [*TERNA, "encode", *model, "--out", str(one), "--chunk", str(BLOCK)], input=lines.encode(), check=True
    )
    words = [*TERNA, "encode-files", *model, "--from", str(tmp_path / "texts.txt"), "--out", str(out)]
    with subprocess.Popen([*words, "--actors", "2", "--block", str(BLOCK)], stderr=subprocess.PIPE) as command:
        began = time.monotonic()
        while len(list(out.glob("*.parquet"))) < 3 and command.poll() is None and time.monotonic() - began < 120:
            time.sleep(0.02)
        os.kill(actors(command.pid)[0].pid, signal.SIGKILL)
        assert not strangers(command.pid)
        said = command.communicate(timeout=120)[1].decode()
    assert command.returncode == 0, said
    shards = sorted(out.glob("*.parquet"))
    assert f"{ROWS} rows of 1 files in {len(shards)} shards, {len(shards)} of them encoded now" in said
    whole = pq.read_table(one)
    found = pa.concat_tables(pq.read_table(shard) for shard in shards)
    assert found.schema.metadata == whole.schema.metadata
    assert found.combine_chunks().equals(whole.combine_chunks())
