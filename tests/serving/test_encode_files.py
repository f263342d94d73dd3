"""`encode-files` without Ray: blocks, texts, shards, and what is refused; workers are called here, in turn."""

import hashlib
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ray_inputs import call_here

from terna.encoder import Encoder
from terna.errors import DataError, ModelError
from terna.running import cluster
from terna.running.blocks import DEATHS, tidy
from terna.running.cluster import Done
from terna.serving.cli import main
from terna.serving.cli.fingerprint import KEY, Fingerprint
from terna.serving.files import blocks
from terna.serving.files.blocks import Block, blocks_of, others, sources
from terna.serving.files.reading import texts_of
from terna.serving.files.shards import RECORD, Job, missing, written

Run = Callable[..., tuple[int, str]]

TEXTS = ["Hola.", None, "El tren llega tarde.", "e\u0301xito", "Hoy no hay pan.", None, "¿Vienes?"]
LINES = ["Hola.\n", "\n", "El tren llega tarde.\r\n", "e\u0301xito\n", "Hoy no hay pan.\n", "  \n", "¿Vienes?"]
COMPOSED = [text and text.replace("e\u0301", "é") for text in TEXTS]


def txt(path: Path) -> None:
    path.write_bytes("".join(LINES).encode())


def jsonl(path: Path) -> None:
    path.write_text("".join(json.dumps({"n": 1, "text": text}) + "\n" for text in TEXTS))


def parquet(path: Path) -> None:
    pq.write_table(pa.table({"n": range(7), "text": TEXTS}), path, row_group_size=3)


WRITERS = {"a.txt": txt, "a.jsonl": jsonl, "a.parquet": parquet}


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    """A folder with the same seven texts in each kind of file."""
    folder = tmp_path / "texts"
    (folder / "more").mkdir(parents=True)
    for name, write in WRITERS.items():
        write(folder / "more" / name)
    for name in (".hidden.txt", "_index.txt", "notes.md"):
        (folder / name).write_text("no\n")
    return folder


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Block]:
    """Workers that are called here, in place of Ray's; the blocks that they are given."""
    return call_here(monkeypatch)


@pytest.fixture
def run(encoder_folder: Path, texts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """A function that runs the command on `texts`: its status, and what it told."""

    def command(*words: str, model: Path = encoder_folder) -> tuple[int, str]:
        place = ["--from", str(texts)] if "--from" not in words else []
        given = ["encode-files", *place, "--out", str(tmp_path / "out"), "--model", str(model), *words]
        status = main(given if "--block" in words else [*given, "--block", "3"])
        return status, capsys.readouterr().err

    return command


@pytest.mark.parametrize("rows", [1, 2, 3, 6, 7, 8])
@pytest.mark.parametrize("piece", [1, 7, 1 << 21])
@pytest.mark.parametrize("name", list(WRITERS))
def test_blocks_have_all_texts_in_order_whatever_their_size(
    texts: Path, name: str, rows: int, piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "PIECE", piece)
    planned = blocks_of(sources(str(texts / "more" / name)), rows, "text")
    assert [(block.first, block.end) for block in planned] == [(n, min(n + rows, 7)) for n in range(0, 7, rows)]
    assert [list(texts_of(block, "text")) for block in planned] == [
        COMPOSED[first : first + rows] for first in range(0, 7, rows)
    ]


def test_sources_are_a_folder_a_pattern_or_a_file_by_name(texts: Path) -> None:
    whole = [str(texts / "more" / name) for name in sorted(WRITERS)]
    assert [file.url for file in sources(str(texts))] == whole
    assert [file.url for file in sources(f"file://{texts}")] == whole
    assert [file.url for file in sources(str(texts / "*" / "*.[pt]*"))] == whole[1:]
    assert [file.url for file in sources(whole[0])] == whole[:1]
    assert [file.size for file in sources(str(texts))] == [Path(file).stat().st_size for file in whole]
    with pytest.raises(DataError, match=r"--from .*none: not there; give a folder, a pattern or a file"):
        sources(str(texts / "none"))
    for place in (str(texts / "notes.md"), str(texts / "*.csv")):
        with pytest.raises(DataError, match=r"--from .*: no file that ends in \.parquet, \.jsonl, \.ndjson, \.txt"):
            sources(place)
    with pytest.raises(DataError, match=r"--from nothing://there: .*Protocol not known"):
        sources("nothing://there")


def test_endings_count_in_any_case_and_other_files_are_named(tmp_path: Path) -> None:
    folder = tmp_path / "en [1]"  # a name, no pattern
    folder.mkdir()
    for name in ("a.txt", "B.TXT", "c.txt.gz", "d.csv", "_e.txt", ".f.txt"):
        (folder / name).write_text("uno\n")
    assert [Path(file.url).name for file in sources(str(folder))] == ["B.TXT", "a.txt"]
    assert [Path(url).name for url in others(str(folder))] == ["c.txt.gz", "d.csv"]


def test_names_sort_as_the_rows_do() -> None:
    some = [
        Block(0, "a", 0, 9),
        Block(0, "a", 9, 18),
        Block(2, "b", 0, 5),
        Block(10, "c", 99, 108),
        Block(10, "c", 900, 909),
    ]
    assert sorted(block.name for block in some) == [block.name for block in some]
    assert Block(2, "b", 0, 65536).name == "000002-000000000000-000000065536"


def test_rows_that_are_not_utf8_have_no_text(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"uno\n\xff\ndos\n")
    (tmp_path / "b.jsonl").write_bytes(b'{"text": "uno"}\n{"text": "\xff"}\n{"text": "\\ud800"}\n')
    held = pa.StringArray.from_buffers(2, pa.py_buffer(np.array([0, 3, 4], np.int32)), pa.py_buffer(b"uno\xff"))
    pq.write_table(pa.table({"text": held}), tmp_path / "c.parquet")
    pq.write_table(pa.table({"text": pa.array(["uno", "dos", "uno"]).dictionary_encode()}), tmp_path / "d.parquet")
    found = [list(texts_of(block, "text")) for block in blocks_of(sources(str(tmp_path)), 9, "text")]
    assert found == [["uno", None, "dos"], ["uno", None, None], ["uno", None], ["uno", "dos", "uno"]]


@pytest.mark.parametrize(
    ("name", "content", "fault"),
    [
        ("a.txt", b"uno\ndos\ntr\0es\n", r"a\.txt, line 3: a NUL byte"),
        ("a.txt", b"uno\ndos\ntr\res\n", r"a\.txt, line 3: a carriage return"),
        ("a.jsonl", b'{"text": "uno"}\n\n{"other": 1}\n', r"a\.jsonl, line 3: no JSON object with 'text' .*--column"),
        ("a.jsonl", b'{"text": "uno"}\n\nuno\n', r"a\.jsonl, line 3: no JSON object with 'text' .*--column"),
        ("a.jsonl", b'{"text": "uno"}\n\n{"text": 4}\n', r"a\.jsonl, line 3: 'text' is 4, not a string"),
        ("a.parquet", b"uno\n", r"a\.parquet: no Parquet"),
    ],
)
def test_what_is_no_text_is_refused_by_file_and_line(tmp_path: Path, name: str, content: bytes, fault: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=fault):
        [list(texts_of(block, "text")) for block in blocks_of(sources(str(tmp_path)), 2, "text")]


def test_a_column_that_is_missing_or_no_text_and_a_file_that_shrinks_are_refused(texts: Path) -> None:
    one = sources(str(texts / "more" / "a.parquet"))
    with pytest.raises(DataError, match=r"a\.parquet: no column texto; give --column one of n, text"):
        blocks_of(one, 3, "texto")
    with pytest.raises(DataError, match=r"a\.parquet: column n is int64, not string; give --column another"):
        blocks_of(one, 3, "n")
    planned = blocks_of(sources(str(texts / "more" / "a.txt")), 3, "text")
    (texts / "more" / "a.txt").write_text("uno\n")
    with pytest.raises(DataError, match=r"a\.txt: changed since the run began"):
        list(texts_of(planned[-1], "text"))


def described(out: Path) -> dict[str, dict[str, object]]:
    """What the index is to say of each shard, from the files themselves."""
    found = {}
    for path in sorted(out.glob("*.parquet")):
        content = path.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        found[path.name] = {"rows": pq.read_metadata(path).num_rows, "bytes": len(content), "sha256": digest}
    return found


def refused_by_search(out: Path, search: Callable[[list[str]], int], capsys: pytest.CaptureFixture[str]) -> None:
    """Search takes no folder whose shards are not those of its index, or are of several models."""
    first, second, *_ = sorted(out.glob("*.parquet"))
    kept, table = second.read_bytes(), pq.read_table(second)
    remedy = "; delete it, and run encode-files again\n"

    def told(*more: str) -> str:
        assert search([*more]) == 1
        return capsys.readouterr().err

    second.unlink()
    assert told().endswith(f"{second.name}: not there, _index.json says {len(table)}; run encode-files again\n")
    pq.write_table(table.slice(1), second)
    assert told().endswith(f"{second.name}: {len(table) - 1} rows, _index.json says {len(table)}{remedy}")
    (out / "foreign.parquet").write_bytes(kept)
    second.write_bytes(kept)
    assert told().endswith(f"foreign.parquet: {len(table)} rows, not in _index.json{remedy}")
    (out / "foreign.parquet").unlink()
    mark = json.loads(table.schema.metadata[KEY]) | {"sha256": "0" * 64}
    pq.write_table(table.replace_schema_metadata({KEY: json.dumps(mark)}), second)
    assert f"--corpus {second}: vectors of " in told()
    short = pa.array([vector and vector[:5] for vector in table["vector"].to_pylist()], pa.list_(pa.float32(), 5))
    pq.write_table(table.set_column(1, "vector", short), second)
    assert told("--any-model").endswith(f"{second.name}: other columns than in {first.name}{remedy}")
    second.write_bytes(kept)
    assert search([]) == 0
    capsys.readouterr()


def test_shards_in_order_are_the_vectors_of_encode_and_can_be_searched(
    run: Run, calls: list[Block], texts: Path, tmp_path: Path, encoder_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, told = run()
    assert status == 0 and len(calls) == 9
    assert "21 rows of 3 files in 9 shards, 9 of them encoded now" in told and "6 rows are blank, null" in told
    out = tmp_path / "out"
    table = pa.concat_tables(pq.read_table(path) for path in sorted(out.glob("*.parquet")))
    assert table["text"].to_pylist() == 3 * COMPOSED
    vectors = np.stack([vector for vector in table["vector"].to_pylist() if vector])
    due = Encoder.load(encoder_folder).encode(3 * [text for text in COMPOSED if text])
    np.testing.assert_allclose(vectors, due, atol=1e-6)
    index = json.loads((out / "_index.json").read_text())
    assert (index["rows"], index["bad"]) == (21, 6)
    assert index["shards"] == described(out)
    words = ["search", "--model", str(encoder_folder), "--top", "1"]
    assert main([*words, "--corpus", str(out), "El tren llega tarde."]) == 0
    assert capsys.readouterr().out.endswith("\tEl tren llega tarde.\n")
    refused_by_search(out, lambda told: main([*words, "--corpus", str(out), "El tren", *told]), capsys)
    (out / "_index.json").unlink()
    assert main([*words, "--corpus", str(out), "El tren"]) == 1
    assert "a folder without _index.json" in capsys.readouterr().err


def test_a_second_run_encodes_what_is_missing_and_removes_what_is_half_written(
    run: Run, calls: list[Block], tmp_path: Path
) -> None:
    assert run()[0] == 0
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").glob("[!.]*")}
    calls.clear()
    assert run()[0] == 0 and not calls
    gone = "000001-000000000003-000000000006.parquet"
    (tmp_path / "out" / gone).unlink()
    (tmp_path / "out" / f".{gone}.7-ab.part").write_bytes(b"PAR1")
    status, told = run()
    assert status == 0 and "1 of them encoded now" in told
    assert [f"{block.name}.parquet" for block in calls] == [gone]
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").glob("[!.]*")} == before
    assert not list((tmp_path / "out").glob("*.part"))


def test_shards_of_another_model_prompt_or_input_are_refused(
    run: Run,
    calls: list[Block],
    texts: Path,
    tmp_path: Path,
    make_encoder: Callable[..., Encoder],
    encoder_folder: Path,
) -> None:
    assert run()[0] == 0
    calls.clear()
    other = tmp_path / "other"
    shutil.copytree(encoder_folder, other)
    assert run(model=other)[0] == 0  # the same files elsewhere
    settings = other / "sentence_bert_config.json"
    settings.write_text(json.dumps(json.loads(settings.read_text()) | {"max_seq_length": 12}))
    remedy = "give another --out, or delete "
    for words, fault in (
        (["--prompt", "passage: "], "its shards are of prompt '', not 'passage: '"),
        (["--precision", "bfloat16"], "its shards are of precision 'float32', not 'bfloat16'"),
        (["--block", "4"], "its shards are of block 3, not 4"),
    ):
        status, told = run(*words)
        assert status == 1 and fault in told and remedy in told
    status, told = run(model=other)
    assert status == 1 and "its shards are of sha256" in told
    (texts / "more" / "a.jsonl").write_text('{"text": "uno"}\n')
    (texts / "b.txt").write_text("uno\n")
    status, told = run()
    assert status == 1 and "its shards are of other inputs" in told and "b.txt is new" in told
    (texts / "b.txt").unlink()
    assert "a.jsonl is another size or time" in run()[1]
    (texts / "more" / "a.jsonl").unlink()
    assert "a.jsonl is gone" in run()[1]
    assert not calls


def test_a_folder_of_something_else_and_one_that_is_read_are_refused(
    run: Run, calls: list[Block], texts: Path, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.txt").write_text("uno\n")
    status, told = run()
    assert status == 1 and "not empty, and no _job.json in it; give a folder that is new or empty" in told
    status, told = run("--from", str(tmp_path / "out"))
    assert status == 1 and f"--out {tmp_path / 'out'}: lies in --from" in told
    status, told = run("--from", str(tmp_path))
    assert status == 1 and "where it would be read later; give a folder beside it" in told
    status, told = run("--from", str(tmp_path / "out" / "a.txt"))
    assert status == 1 and "is an input and lies in it" in told
    assert not calls


def test_the_index_keeps_digests_so_that_a_changed_shard_does_not_pass(
    run: Run, calls: list[Block], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert run()[0] == 0
    before = json.loads((out / "_index.json").read_text())["shards"]
    assert before == described(out)
    first, second, *_ = sorted(out.glob("*.parquet"))
    content = first.read_bytes()
    first.write_bytes(content.replace(b"Hola.", b"hola."))
    second.unlink()
    assert run()[0] == 0
    assert json.loads((out / "_index.json").read_text())["shards"] == before
    assert {name for name, shard in described(out).items() if shard != before[name]} == {first.name}
    first.write_bytes(content)
    (out / "_index.json").unlink()  # as where the command was killed
    assert run()[0] == 0
    assert json.loads((out / "_index.json").read_text())["shards"] == before == described(out)


def test_a_worker_that_sees_another_folder_says_so(
    run: Run, calls: list[Block], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = cluster.worked

    def elsewhere(*given: Any) -> Iterator[Done]:
        (tmp_path / "out" / RECORD).unlink()
        yield from one(*given)

    monkeypatch.setattr(cluster, "worked", elsewhere)
    status, told = run()
    assert status == 1 and f"{RECORD}: not there on " in told and "a file system that all of them mount" in told


def test_a_refused_column_claims_no_folder(run: Run, calls: list[Block], tmp_path: Path) -> None:
    table = pa.table({"text": ["uno"]})
    pq.write_table(table, tmp_path / "one.parquet")
    status, told = run("--from", str(tmp_path / "one.parquet"), "--column", "body")
    assert status == 1 and "no column body; give --column one of text" in told
    assert not calls
    assert not (tmp_path / "out").exists()


def test_a_block_on_which_workers_die_is_refused_at_last(texts: Path, tmp_path: Path) -> None:
    job = Job(tmp_path / "out", Fingerprint("m", "0", "0", ""), 2, "text", 3)
    [block, *_] = blocks_of(sources(str(texts / "more" / "a.txt")), 3, "text")
    job.out.mkdir()
    for number in range(DEATHS):
        (job.out / f".{job.shard(block).name}.{number}-ab.part").touch()
    with pytest.raises(ModelError, match=r"a\.txt, rows 1 to 3: 3 workers died on them.*give fewer --actors"):
        written(job, block, iter)
    assert missing(job, [block]) == [block]
    tidy(job.out)
    assert not list(job.out.iterdir())


def test_a_shard_that_is_there_is_not_written_again(texts: Path, tmp_path: Path) -> None:
    job = Job(tmp_path, Fingerprint("m", "0", "0", ""), 2, "text", 3)
    [block, *_] = blocks_of(sources(str(texts / "more" / "a.txt")), 3, "text")
    written(job, block, lambda many: (np.ones((len(some), 2), np.float32) for some in many))
    before = job.shard(block).read_bytes()
    written(job, block, iter)  # would fail
    assert job.shard(block).read_bytes() == before
    assert pq.read_table(job.shard(block)).to_pylist() == [
        {"text": text, "vector": text and [1.0, 1.0]} for text in COMPOSED[:3]
    ]


def test_an_address_of_rays_client_is_refused_with_what_works_instead(run: Run) -> None:
    status, told = run("--address", "ray://head:10001")
    assert (
        status == 1 and "Ray Data does not run over Ray's client; run the command on a machine of the cluster" in told
    )


def test_without_ray_the_error_names_the_extra(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    for name in cluster.EMBEDDED:
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("RAY_AUTH_TOKEN", "")
    status, told = run()
    assert status == 1 and "encode-files: ray cannot be imported" in told and "pip install -e '.[ray]'" in told
