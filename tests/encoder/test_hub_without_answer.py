"""A model of a hub that does not answer is given up soon, in words that say what is missing and what helps."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from terna.encoder import hub, load_tokenizer
from terna.errors import ModelError
from terna.settings import compose, load
from terna.settings.hub import PATIENCE

NAME = "nadie/nada"


@pytest.fixture
def silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A hub that takes each connection and says nothing, and an empty cache."""
    server = socket.create_server(("127.0.0.1", 0))
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", f"http://127.0.0.1:{server.getsockname()[1]}")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_ETAG_TIMEOUT", 0.2)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield
    server.close()


@pytest.mark.usefixtures("silent")
def test_a_hub_that_never_answers_is_given_up_and_what_is_missing_and_what_runs_offline_is_said(root: Path) -> None:
    model = load(compose(root / "conf", ["model=beto", f"model.backbone={NAME}"])).model
    began = time.monotonic()
    for ask in (lambda: hub.fetched(NAME, "main"), lambda: load_tokenizer(model, [])):
        with pytest.raises(
            ModelError, match=f"^(model.backbone: )?{NAME}: neither a folder nor available from the hub"
        ) as refused:
            ask()
        for word in ("at revision main", "timed out", "make mirror", "HF_HOME", "experiment=scratch"):
            assert word in str(refused.value)
    assert time.monotonic() - began < 0.2 * 2 + PATIENCE
