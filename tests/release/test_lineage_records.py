"""A record holds the files of its stage alone, and the models that came from outside are named."""

import hashlib
import json
from pathlib import Path

import pytest
from card_inputs import settings_of
from lineage_inputs import STAGES, put, run_line

from terna.errors import DataError
from terna.provenance import record
from terna.release.lineage import collect


def test_a_folder_stands_for_its_files_but_not_for_hidden_ones_and_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for path in ("out/b", "out/a/z", "out/.half.part", "out/.git/x", "out/made.json", "one"):
        put(path, path)
    record("tokens", [Path("one")], [Path("out")], Path("out/made.json"))
    made = json.loads(Path("out/made.json").read_text())
    assert list(made["wrote"]) == ["out/a/z", "out/b"]
    assert made["read"] == {"one": hashlib.sha256(b"one").hexdigest()}
    with pytest.raises(DataError, match="nowhere: not there"):
        record("tokens", [Path("nowhere")], [], Path("made.json"))


def test_models_from_outside_are_named_where_they_were_loaded(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run_line(root, tmp_path)
    put("data/nli/accounts.json", json.dumps({"translated_by": {"checkpoint": "a/b", "commit": "12"}}))
    hub = settings_of(root, "model=beto", "model.revision=main")
    links = {link.stage: link for link in collect(hub).chain}
    assert links["translate"].model == {"checkpoint": "a/b", "commit": "12"}
    assert links["train"].model == {"name": hub.model.backbone, "revision": "main", "commit": "7e" * 20}
    assert [stage for stage in links if links[stage].model] == ["translate", "train"]
    assert set(STAGES) < set(links)
