"""The card's programs run as they are printed, and give the vectors that were scored."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from card_inputs import card_of, settings_of
from documented import programs

from terna.encoder import Encoder, save

Make = Callable[..., Encoder]
KINDS = {
    "mean": ["model.pooling=mean"],
    "cls": ["model.pooling=cls"],
    "max": ["model.pooling=max"],
    "mean and tanh": ["model.pooling=mean", "model.dense={out_features:12,activation:tanh}"],
    "a prompt": ['model.prompts={query:"consulta: ",document:"",default:query}'],
    "cls and identity": ["model.pooling=cls", "model.dense={out_features:12,activation:identity}"],
}


def run(program: str, sentences: list[str]) -> dict[str, Any]:
    """The names that a program leaves, with our sentences in place of its own."""
    program, replaced = re.subn(r"^sentences = .*$", f"sentences = {sentences!r}", program, flags=re.MULTILINE)
    assert replaced == 1
    names: dict[str, Any] = {}
    exec(program, names)
    return names


@pytest.mark.parametrize("kind", KINDS)
def test_the_printed_programs_give_our_vectors(
    root: Path, make_encoder: Make, sentences: list[str], tmp_path: Path, kind: str
) -> None:
    folder = tmp_path / "encoder"
    encoder = make_encoder(*KINDS[kind])
    save(encoder, folder)
    expected = encoder.encode(sentences)
    with_package, without = programs(
        card_of(
            settings_of(root, *KINDS[kind], f"release.repo={folder}"),
            usage=encoder.usage,
        )
    )
    np.testing.assert_allclose(run(with_package, sentences)["embeddings"], expected, atol=1e-5)
    np.testing.assert_allclose(run(without, sentences)["sentence_embeddings"], expected, atol=1e-5)


def test_the_sentences_are_of_unequal_length_and_one_must_be_cut(make_encoder: Make, sentences: list[str]) -> None:
    encoder = make_encoder()
    lengths = sorted(len(ids) for ids in encoder.tokenizer(sentences)["input_ids"])
    assert lengths[0] < lengths[1] < encoder.max_length < lengths[-1]


def test_the_program_with_a_head_fetches_a_name_that_is_no_folder(
    root: Path, make_encoder: Make, sentences: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = KINDS["mean and tanh"]
    encoder = make_encoder(*kind)
    save(encoder, tmp_path / "snapshot")
    fetched: list[str] = []

    def fetch(name: str) -> str:
        fetched.append(name)
        return str(tmp_path / "snapshot")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("huggingface_hub.snapshot_download", fetch)
    _, without = programs(card_of(settings_of(root, *kind, "release.repo=somebody/something")))
    vectors = run(without, sentences)["sentence_embeddings"]
    assert fetched == ["somebody/something"]
    np.testing.assert_allclose(vectors, encoder.encode(sentences), atol=1e-5)
