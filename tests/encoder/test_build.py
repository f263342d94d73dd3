"""Training starts from an encoder with all its parts: pooling, head, prompt, lower-casing; or from a backbone alone."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from composed import compose_once, small
from folder_inputs import TEXTS, Folder, edited, transformers_folder
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Dense, Normalize

from terna.encoder import Encoder, build_encoder, hub, load_tokenizer, prompts_of, save
from terna.encoder.head import Dense as Head
from terna.errors import ModelError
from terna.sentences import tokenize
from terna.settings import Dense as DenseSettings
from terna.settings import Model, Prompts, Vocabulary
from terna.settings.checks.training import check_model

LONGEST = 24
QUERY = {"prompts": {"query": "perro : "}, "default_prompt_name": "query"}
STARTS = {
    "a head": Folder(after=lambda: [Dense(16, 12), Normalize()]),
    "a prompt": Folder(options=QUERY),
    "a prompt that is not pooled": Folder(options=QUERY, include_prompt=False),
    "several poolings": Folder(pooling=["mean", "max"], after=lambda: [Dense(32, 8)]),
    "the last token": Folder(backbone="qwen2", tokenizer="end", pooling="lasttoken"),
    "lower case": Folder(edit=edited("sentence_bert_config.json", do_lower_case=True)),
    "no modules": Folder(listed=False),
}


def model(folder: Path | str, pooling: str | None = None, dense: DenseSettings | None = None) -> Model:
    return Model(str(folder), LONGEST, pooling, None, None, dense, Vocabulary(None, None), None)  # type: ignore[arg-type]


def built(start: Model) -> Encoder:
    return build_encoder(start, load_tokenizer(start, [])).eval()


@pytest.fixture(params=STARTS)
def start(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Folder, Path]:
    made = replace(STARTS[request.param], texts=tuple(text for text in TEXTS if text.strip()))
    return made, made.make(tmp_path)


def test_the_start_gives_the_vectors_that_sentence_transformers_gives(start: tuple[Folder, Path]) -> None:
    made, folder = start
    encoder = built(model(folder))
    reference = SentenceTransformer(str(folder), device="cpu")
    reference.max_seq_length = LONGEST
    np.testing.assert_allclose(encoder.encode(made.texts), reference.encode(list(made.texts)), atol=1e-5)


def test_a_trained_start_is_saved_with_its_parts(start: tuple[Folder, Path], tmp_path: Path) -> None:
    made, folder = start
    encoder = built(model(folder))
    with torch.no_grad():
        encoder.backbone.get_input_embeddings().weight.mul_(1.01)
    save(encoder, tmp_path / "trained")
    found = SentenceTransformer(str(tmp_path / "trained"), device="cpu").encode(list(made.texts))
    np.testing.assert_allclose(found, encoder.encode(made.texts), atol=1e-5)
    np.testing.assert_allclose(Encoder.load(tmp_path / "trained").encode(made.texts), found, atol=1e-5)


def test_the_tokens_that_are_trained_on_begin_with_the_prompt(start: tuple[Folder, Path]) -> None:
    made, folder = start
    encoder, prompt = built(model(folder)), prompts_of(model(folder)).default
    assert prompt == (QUERY["prompts"]["query"] if made.options else "")  # type: ignore[index]
    tokens = tokenize(encoder.tokenizer, [prompt + text for text in made.texts], LONGEST)
    np.testing.assert_allclose(encoder.embed(*tokens), encoder.encode(made.texts), atol=1e-6)


def test_settings_go_before_what_the_start_says(tmp_path: Path) -> None:
    folder = STARTS["a head"].make(tmp_path)
    pooled = built(model(folder, pooling="cls"))
    assert (pooled.pooling.modes, len(pooled.head)) == (("cls",), 0)
    headed = built(model(folder, dense=DenseSettings(7, "tanh")))
    assert headed.pooling.modes == ("mean",)
    assert [type(module) for module in headed.head] == [Head]
    assert headed.dimension == 7


def test_a_start_on_the_hub_is_read_from_its_snapshot_and_its_commit_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = "ab" * 20
    folder = STARTS["a prompt"].make(tmp_path).rename(tmp_path / commit)
    asked: list[tuple[str, str]] = []

    def fetch(name: str, revision: str) -> Path:
        asked.append((name, revision))
        return folder

    monkeypatch.setattr(hub, "fetched", fetch)
    monkeypatch.setattr(hub, "check", lambda *_: True)
    named = replace(model("owner/name"), revision="v1")
    encoder = built(named)
    assert set(asked) == {("owner/name", "v1")}
    np.testing.assert_array_equal(encoder.encode(["Hola."]), built(model(folder)).encode(["Hola."]))
    assert encoder.backbone.config._commit_hash == commit


def test_a_start_that_cannot_be_honoured_is_refused_at_the_tokenizer(tmp_path: Path) -> None:
    folder = STARTS["a head"].make(tmp_path)
    edited("2_Dense/config.json", surprise=1)(folder)
    with pytest.raises(ModelError, match=r"no tokenizer from .*2_Dense/config\.json: surprise"):
        load_tokenizer(model(folder), [])


def test_without_pooling_there_must_be_a_start(root: Path) -> None:
    given = compose_once(root, small()).model
    assert list(check_model(replace(given, pooling=None))) == [
        "model.pooling: from scratch there is no encoder to take it from; choose mean, cls or max"
    ]


@pytest.mark.parametrize(
    "name", ["e5_small", "granite_small", "mmbert_small", "mrbert_es", "paraphrase_multilingual_minilm"]
)
def test_starts_on_the_hub_compose(root: Path, name: str) -> None:
    found = compose_once(root, [f"model={name}"]).model
    assert found.pooling is None
    assert "/" in found.backbone


def test_a_backbone_of_transformers_is_pooled_as_sentence_transformers_does(tmp_path: Path) -> None:
    assert built(model(transformers_folder("bert", "wordpiece", tmp_path))).pooling.modes == ("mean",)


def test_prompts_of_the_settings_take_the_place_of_the_start_s_and_are_saved(tmp_path: Path) -> None:
    folder = STARTS["a prompt"].make(tmp_path)
    asked = replace(model(folder), prompts=Prompts("consulta : ", "el horno : ", "document"))
    assert prompts_of(asked) == ("consulta : ", "el horno : ", "el horno : ")
    encoder = built(asked)
    save(encoder, tmp_path / "trained")
    reference = SentenceTransformer(str(tmp_path / "trained"), device="cpu")
    for name in ("query", "document", None):
        expected = reference.encode(TEXTS, prompt_name=name)
        prompt = encoder.usage.named(name) if name else None
        np.testing.assert_allclose(encoder.encode(TEXTS, prompt=prompt), expected, atol=1e-5)
    assert np.abs(reference.encode(TEXTS, prompt_name="query") - reference.encode(TEXTS)).max() > 1e-2


def test_several_prompts_that_are_not_pooled_are_refused(tmp_path: Path) -> None:
    folder = STARTS["a prompt that is not pooled"].make(tmp_path)
    asked = replace(model(folder), prompts=Prompts("consulta : ", ""))
    with pytest.raises(ModelError, match=r"model\.prompts: the pooling of .* leaves the tokens of its prompt out"):
        prompts_of(asked)
    assert prompts_of(replace(asked, pooling="mean")).query == "consulta : "


def test_a_prompt_of_the_settings_that_leaves_no_room_is_refused(tmp_path: Path) -> None:
    asked = replace(model(STARTS["a prompt"].make(tmp_path)), prompts=Prompts("perro ", "horno " * LONGEST))
    with pytest.raises(ModelError, match=r"model\.prompts: the prompt 'horno .*, but texts are cut to its 24 tokens"):
        load_tokenizer(asked, [])
