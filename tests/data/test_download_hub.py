"""A dataset of the hub comes at one commit, from the hub, its cache or a mirror; what is missing is said in words."""

import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hub_of_datasets import COMMIT, NAME, environment, serving

from terna.data.corpora import read
from terna.data.download import fetch_corpus
from terna.errors import DownloadError
from terna.records import sha256_of
from terna.settings import Corpus, File, HubDataset

ROWS = b'{"anchor": "Hola.", "positive": "Buenas."}\n'
MORE = b'{"anchor": "Vale.", "positive": "De acuerdo."}\n'
CARD = b"""---
configs:
- config_name: main
  default: true
  data_files:
  - split: train
    path: data/train-*.jsonl
  - split: test
    path: data/test.jsonl
---
"""
FILES = {"README.md": CARD, "data/train-0.jsonl": ROWS, "data/train-1.jsonl": MORE, "data/test.jsonl": ROWS * 3}
# huggingface_hub reads its environment as it is imported, so that another process asks
CODE = """
import json, sys, time
from pathlib import Path
import datasets, huggingface_hub
from terna.data.corpora import check_file
from terna.data.download import fetch_corpus, from_environment
from terna.settings import Corpus, HubDataset
from terna.errors import DownloadError
def refusal(dataset):
    began = time.monotonic()
    declared = Corpus(format="columns", shape="pairs", dataset=HubDataset(**dataset), exact=False)
    try:
        fetch_corpus(declared, Path(sys.argv[2]), mirror=from_environment(), check=check_file, progress=False)
    except DownloadError as error:
        return f"{error} seconds: {time.monotonic() - began}"
    return ""
print(json.dumps([refusal(dataset) for dataset in json.loads(sys.argv[1])]))
"""


def asked(folder: Path, environment: dict[str, str], **dataset: Any) -> str:
    """Fetch in a process of its own; what it says when it refuses."""
    [said] = all_asked(folder, environment, [dataset])
    return said


def all_asked(folder: Path, environment: dict[str, str], datasets: list[dict[str, Any]]) -> list[str]:
    """That for each of several, one after the other."""
    words = [sys.executable, "-c", CODE, json.dumps([{"name": NAME} | each for each in datasets]), str(folder)]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout.splitlines()[-1]))


def declared(**dataset: Any) -> Corpus:
    return Corpus(format="columns", shape="pairs", dataset=HubDataset(name=NAME, **dataset), exact=False)


def test_a_dataset_comes_at_its_commit_and_stays_and_is_carried_by_cache_and_mirror(tmp_path: Path) -> None:
    folder, home = tmp_path / "raw" / "own", tmp_path / "home"
    with serving(FILES) as hub:
        assert asked(folder, environment(hub.address, home)) == ""
        assert "Bearer hf_secret" in hub.tokens
        first = len(hub.asked)
        assert asked(folder, environment(hub.address, home)) == ""
        assert len(hub.asked) == first
    record = json.loads((folder / "fetched.json").read_text())
    assert record["dataset"] == {
        "name": NAME,
        "revision": None,
        "config": None,
        "split": "train",
        "files": [],
        "commit": COMMIT,
    }
    assert record["sha256"] == {
        f"dataset/{name}": sha256_of(folder / "dataset" / name) for name in ("data/train-0.jsonl", "data/train-1.jsonl")
    }
    table, _ = read("own", declared(), folder)
    assert table["positive"].to_pylist() == ["Buenas.", "De acuerdo."]
    # what else is recorded needs no hub, and replaces what was
    for more in ({"read": 1}, {"read": 2}):
        fetch_corpus(declared(), folder, mirror=None, check=print, progress=False, more=more)
        assert json.loads((folder / "fetched.json").read_text()) == record | more
    # without a hub: from the mirror, and from the hub's cache
    fetch_corpus(declared(), tmp_path / "other" / "own", mirror=tmp_path / "raw", check=print, progress=False)
    offline = environment("http://127.0.0.1:9", home, HF_HUB_OFFLINE="1")
    names = ["data/train-0.jsonl", "data/train-1.jsonl"]
    assert asked(tmp_path / "cached", offline, revision=COMMIT, files=names) == ""
    for place in ("other/own", "cached"):
        assert json.loads((tmp_path / place / "fetched.json").read_text())["sha256"] == record["sha256"]
        assert read("own", declared(), tmp_path / place)[0].equals(table)


def test_files_that_are_named_come_alone_and_another_declaration_replaces_them(tmp_path: Path) -> None:
    folder = tmp_path / "own"
    with serving(FILES) as hub:
        names = ["data/test.jsonl"]
        assert asked(folder, environment(hub.address, tmp_path / "home"), files=names, revision=COMMIT) == ""
        assert len(read("own", declared(), folder)[0]) == 3
        assert asked(folder, environment(hub.address, tmp_path / "home"), files=["data/train-0.jsonl"]) == ""
    found = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    assert found == ["dataset/data/train-0.jsonl", "fetched.json"]


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"name": "nadie/nada"}, "nadie/nada at revision main: the hub does not give it"),
    ({"files": ["no.jsonl"]}, "no.jsonl"),
    ({"split": "dev"}, "no split 'dev'; there are train, test; see dataset.split"),
    ({"config": "other"}, "other"),
]


def test_what_the_hub_does_not_have_is_refused_in_words(tmp_path: Path) -> None:
    with serving(FILES) as hub:
        told = all_asked(tmp_path / "own", environment(hub.address, tmp_path / "home"), [each for each, _ in REFUSED])
    for said, (_, what) in zip(told, REFUSED, strict=True):
        assert what in said
    assert not (tmp_path / "own" / "fetched.json").exists()


@pytest.mark.parametrize("offline", ["0", "1"])
def test_without_a_hub_the_message_says_what_helps(tmp_path: Path, offline: str) -> None:
    said = asked(tmp_path / "own", environment("http://127.0.0.1:9", tmp_path / "home", HF_HUB_OFFLINE=offline))
    for word in (NAME, "make mirror", "TERNA_MIRROR", "HF_HOME", "corpora=sample"):
        assert word in said


@pytest.mark.slow  # it waits for a hub that never answers
def test_a_hub_that_never_answers_is_given_up_within_15_seconds(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        said = asked(tmp_path / "own", environment(address, tmp_path / "home"), revision=COMMIT)
    assert "make mirror" in said
    assert float(said.rpartition("seconds: ")[2]) < 15


def test_a_folder_that_datasets_saved_comes_part_by_part_and_its_digests_are_recorded(tmp_path: Path) -> None:
    from datasets import Dataset, DatasetDict

    saved = Dataset.from_dict({"anchor": ["Hola.", "Vale."], "positive": ["Buenas.", "Sí."]})
    saved.save_to_disk(tmp_path / "saved", num_shards=2)
    corpus = Corpus(format="columns", shape="pairs", files=[File([str(tmp_path / "saved")])], exact=False)
    folder = tmp_path / "raw"
    for _ in range(2):
        fetch_corpus(corpus, folder, mirror=None, check=print, progress=False)
    parts = [f"saved/data-0000{part}-of-00002.arrow" for part in range(2)]
    assert list(json.loads((folder / "fetched.json").read_text())["sha256"]) == parts
    assert read("own", corpus, folder)[0].select(["anchor", "positive"]).to_pylist() == saved.to_list()
    DatasetDict(train=saved).save_to_disk(tmp_path / "splits")
    with pytest.raises(DownloadError, match="it has the splits train; name one of them"):
        splits = Corpus(format="columns", shape="pairs", files=[File([str(tmp_path / "splits")])], exact=False)
        fetch_corpus(splits, folder, mirror=None, check=print, progress=False)
