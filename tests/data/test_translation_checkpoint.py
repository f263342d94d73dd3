"""A checkpoint loads from a folder or the hub's cache and is named by its bytes; one that cannot serve is refused."""

import hashlib
import json
import shutil
import socket
import time
from pathlib import Path

import pyarrow as pa
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import RobertaConfig, RobertaModel
from translator_inputs import CPU, SENTENCES, save_marian, save_nllb, settings

from terna.data.translation import translate
from terna.data.translation.checkpoint import digest, find
from terna.data.translation.decoder import Decoder, Recipe
from terna.errors import ModelError
from terna.settings import Machine, Translate

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(scope="module")
def marian(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_marian(tmp_path_factory.mktemp("marian") / "checkpoint", tmp_path_factory.mktemp("fitted"))


@pytest.fixture
def copy(marian: Path, tmp_path: Path) -> Path:
    return shutil.copytree(marian, tmp_path / "copy")


@pytest.fixture(autouse=True)
def cache(marian: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The hub's cache with one repository, and no network."""
    repository = tmp_path / "cache" / "models--someone--opus"
    shutil.copytree(marian, repository / "snapshots" / COMMIT)
    for ref in ("main", "refs/pr/3"):
        (repository / "refs" / ref).parent.mkdir(parents=True, exist_ok=True)
        (repository / "refs" / ref).write_text(COMMIT)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    return repository / "snapshots" / COMMIT


def refused(settings: Translate, work: Path, machine: Machine = CPU) -> str:
    with pytest.raises(ModelError) as caught:
        translate(SENTENCES[:2], "en", settings, machine, work)
    assert not work.exists() or not list(work.iterdir())
    return str(caught.value)


@pytest.mark.parametrize("revision", [None, "main", "refs/pr/3", COMMIT])
def test_a_hub_name_loads_from_the_cache_and_is_recorded_with_its_commit(
    marian: Path, tmp_path: Path, revision: str | None
) -> None:
    sha256 = hashlib.sha256((marian / "model.safetensors").read_bytes()).hexdigest()
    named = translate(SENTENCES[:3], "en", settings("someone/opus", revision=revision), CPU, tmp_path / "work")
    assert named.identity == {
        "checkpoint": "someone/opus",
        "revision": revision,
        "commit": COMMIT,
        "sha256": sha256,
    }
    folder = translate(SENTENCES[:3], "en", settings(marian), CPU, tmp_path / "work")
    assert folder.identity == {"checkpoint": marian.name, "revision": None, "commit": None, "sha256": sha256}
    assert folder.table == named.table
    assert len(list((tmp_path / "work").iterdir())) == 1, "what counts are the bytes, not where they came from"


def test_weights_in_several_files_have_one_digest_and_translate_alike(copy: Path, marian: Path, tmp_path: Path) -> None:
    weights = load_file(copy / "model.safetensors")
    (copy / "model.safetensors").unlink()
    names = sorted(weights)
    parts = {f"model-0000{part + 1}-of-00002.safetensors": names[part::2] for part in range(2)}
    for file, part in parts.items():
        save_file({name: weights[name] for name in part}, copy / file, metadata={"format": "pt"})
    index = {"metadata": {}, "weight_map": {name: file for file, part in parts.items() for name in part}}
    (copy / "model.safetensors.index.json").write_text(json.dumps(index))
    made = translate(SENTENCES, "en", settings(copy), CPU, tmp_path / "parts")
    expected = hashlib.sha256(b"".join((copy / file).read_bytes() for file in sorted(parts))).hexdigest()
    assert made.identity["sha256"] == expected == digest(copy / file for file in sorted(parts))
    assert made.table == translate(SENTENCES, "en", settings(marian), CPU, tmp_path / "whole").table


def test_no_sentence_at_all_makes_an_empty_table(marian: Path, tmp_path: Path) -> None:
    made = translate([], "en", settings(marian), CPU, tmp_path)
    assert made.table.schema == pa.schema([(name, pa.string()) for name in ("source", "target", "reason")])
    assert len(made.table) == 0


def test_a_checkpoint_without_safetensors_is_refused_with_what_to_do(copy: Path, cache: Path, tmp_path: Path) -> None:
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    assert "refs/pr/1" in refused(settings(copy), tmp_path / "work")
    (cache / "model.safetensors").unlink()
    message = refused(settings("someone/opus"), tmp_path / "work")
    assert "translate.model.revision" in message
    assert "save_pretrained" in message


@pytest.mark.parametrize("name", ["someone/else", "no-such-folder"])
def test_a_checkpoint_that_is_nowhere_is_named(tmp_path: Path, name: str) -> None:
    message = refused(settings(name, revision="main"), tmp_path / "work")
    assert message.startswith(f"translate.model.checkpoint: neither a folder nor available from the hub: {name} at")


@pytest.mark.parametrize("name", ["/no/such/folder", "./opus", "models/opus", "a b"])
def test_a_path_that_is_not_there_is_not_taken_for_a_hub_name(tmp_path: Path, name: str) -> None:
    message = refused(settings(name, revision="main"), tmp_path / "work")
    assert message.startswith(f"translate.model.checkpoint: {name}: not there; give a folder, or a hub name")


def test_a_revision_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert "at revision refs/pr/9" in refused(settings("someone/opus", revision="refs/pr/9"), tmp_path / "work")


def test_a_model_without_a_decoder_is_refused(tmp_path: Path) -> None:
    shape = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 8}
    RobertaModel(RobertaConfig(vocab_size=10, **shape)).save_pretrained(tmp_path / "roberta")
    message = refused(settings(tmp_path / "roberta"), tmp_path / "work")
    assert "is a roberta" in message
    assert "give a Marian" in message


@pytest.mark.parametrize(
    "file", ["source.spm", "vocab.json", "config.json", "broken vocab.json", "broken config.json", "broken weights"]
)
def test_a_checkpoint_whose_files_are_missing_or_broken_is_named(copy: Path, tmp_path: Path, file: str) -> None:
    if file == "broken weights":
        content = (copy / "model.safetensors").read_bytes()
        (copy / "model.safetensors").write_bytes(content[: len(content) // 2])
    elif file.startswith("broken"):
        (copy / file.split()[1]).write_text("{")
    else:
        (copy / file).unlink()
    part = {"config": "configuration", "weight": "model"}.get(file.split()[-1][:6], "tokenizer")
    assert f"no {part} in {copy}" in refused(settings(copy), tmp_path / "work")


def test_more_tokens_than_the_model_has_positions_are_refused(marian: Path, tmp_path: Path) -> None:
    message = refused(settings(marian, max_length=65), tmp_path / "work")
    assert message == f"translate.model.max_length: 65, but {marian} has 64 positions; lower it"


@pytest.mark.parametrize(
    ("codes", "said"),
    [
        ({"en": "eng_Latn"}, "no code for 'es'"),
        ({"es": "spa_Latn"}, "no code for 'en'"),
        ({"en": "eng_Latn", "es": "spanish"}, "codes.es: 'spanish' is not a language"),
        ({"en": "</s>", "es": "spa_Latn"}, "codes.en: '</s>' is not a language"),
        ({"en": "a", "es": "spa_Latn"}, "codes.en: 'a' is not a language"),
    ],
)
def test_a_language_that_the_checkpoint_does_not_know_is_named(
    tmp_path: Path, codes: dict[str, str], said: str
) -> None:
    message = refused(settings(save_nllb(tmp_path / "nllb"), codes=codes), tmp_path / "work")
    assert said in message


def test_codes_for_a_checkpoint_of_one_direction_are_refused(marian: Path, tmp_path: Path) -> None:
    assert "give no codes" in refused(settings(marian, codes={"en": "en", "es": "es"}), tmp_path / "work")


def test_settings_without_a_model_are_refused(tmp_path: Path) -> None:
    assert "translate=opus_mt" in refused(Translate("es", None), tmp_path / "work")


def test_too_little_memory_names_the_setting_to_lower(
    marian: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(*arguments: object, **more: object) -> None:
        raise torch.OutOfMemoryError("tried to allocate 2 GiB")

    model = settings(marian).model
    assert model is not None
    decoder = Decoder(Recipe(find(model), model, None), "cpu")
    monkeypatch.setattr(decoder._model, "generate", exhausted)
    with pytest.raises(ModelError, match=r"batch_tokens: 2 sentences of 3 tokens .*2 GiB.*lower it"):
        decoder([torch.tensor([4, 5, 0]).numpy(), torch.tensor([4, 0]).numpy()])


def test_a_hub_that_never_answers_is_given_up_and_its_cache_is_taken(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_ETAG_TIMEOUT", 0.2)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        began = time.monotonic()
        model = settings("someone/opus", revision="refs/pr/3").model
        assert model
        assert find(model).folder == cache
        message = refused(settings("someone/else"), tmp_path / "work")
    assert "someone/else" in message
    assert "timed out" in message
    assert "HF_HOME" in message
    assert time.monotonic() - began < 8
