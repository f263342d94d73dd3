"""Prompts by name, by text and by what a text is: sentence-transformers' vectors, from a folder and from its graph."""

from pathlib import Path

import numpy as np
import pytest
from folder_inputs import TEXTS, Folder
from sentence_transformers import SentenceTransformer

from terna.encoder import Encoder, Usage
from terna.errors import ModelError
from terna.sentences import Prompts
from terna.serving import onnx_export
from terna.systems.onnx_runtime import OnnxEncoder

NAMED = {"query": "consulta : ", "document": "el horno de leña : ", "STS": "tienda "}
SOME = [text for text in TEXTS if text.strip()]
FOLDERS = {
    f"{pooling}, {'' if pooled else 'un'}pooled prompts": Folder(
        pooling=pooling, include_prompt=pooled, options={"prompts": NAMED, "default_prompt_name": "STS"}
    )
    for pooling in ("mean", "weightedmean", "cls")
    for pooled in (True, False)
}


@pytest.mark.parametrize("kind", FOLDERS)
def test_each_prompt_gives_the_vectors_of_sentence_transformers(kind: str, tmp_path: Path) -> None:
    folder = FOLDERS[kind].make(tmp_path)
    reference, encoder = SentenceTransformer(str(folder), device="cpu"), Encoder.load(folder)
    for name in NAMED:
        expected = reference.encode(SOME, prompt_name=name)
        np.testing.assert_allclose(encoder.encode(SOME, prompt=encoder.usage.named(name)), expected, atol=1e-5)
    for text in ("la leña ", ""):
        np.testing.assert_allclose(encoder.encode(SOME, prompt=text), reference.encode(SOME, prompt=text), atol=1e-5)
    np.testing.assert_allclose(encoder.encode(SOME), reference.encode(SOME), atol=1e-5)
    sides = encoder.usage.sides
    np.testing.assert_allclose(encoder.encode(SOME, prompt=sides.query), reference.encode_query(SOME), atol=1e-5)
    np.testing.assert_allclose(encoder.encode(SOME, prompt=sides.document), reference.encode_document(SOME), atol=1e-5)


def test_a_graph_has_the_prompts_of_its_folder(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    folder = FOLDERS["mean, unpooled prompts"].make(tmp_path)
    onnx_export.write(folder, tmp_path / "graph")
    graph, reference = OnnxEncoder.load(tmp_path / "graph"), SentenceTransformer(str(folder), device="cpu")
    for name in NAMED:
        expected = reference.encode(SOME, prompt_name=name)
        np.testing.assert_allclose(graph.encode(SOME, prompt=graph.usage.named(name)), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("prompts", "default", "expected"),
    [
        ({}, None, Prompts("", "", "")),
        ({"query": "q: "}, "query", Prompts("q: ", "", "q: ")),
        ({"query": "q: ", "passage": "p: "}, None, Prompts("q: ", "p: ", "")),
        # sentence-transformers writes the two names that every model has, empty
        ({"query": "q: ", "document": "", "passage": "p: "}, None, Prompts("q: ", "p: ", "")),
        ({"document": "d: ", "passage": "p: ", "corpus": "c: "}, "corpus", Prompts("", "d: ", "c: ")),
    ],
)
def test_what_is_put_before_a_text_follows_from_the_names(
    prompts: dict[str, str], default: str | None, expected: Prompts
) -> None:
    assert Usage(prompts, default).sides == expected


def test_a_name_that_there_is_not_is_refused_with_those_there_are() -> None:
    with pytest.raises(ModelError, match="no prompt of the model is named 'passage'; there are query, STS"):
        Usage({"query": "q: ", "STS": "s: "}).named("passage")
    with pytest.raises(ModelError, match="it has no prompts"):
        Usage().named("query")


def test_a_prompt_that_leaves_no_room_is_refused(tmp_path: Path) -> None:
    encoder = Encoder.load(FOLDERS["mean, pooled prompts"].make(tmp_path))
    with pytest.raises(ModelError, match=r"the prompt 'horno .*, but texts are cut to its 24 tokens"):
        encoder.encode(SOME, prompt="horno " * 30)


def test_a_prompt_without_a_token_changes_nothing(tmp_path: Path) -> None:
    spaces = Folder(
        tokenizer="bare", include_prompt=False, options={"prompts": {"spaces": "  "}, "default_prompt_name": "spaces"}
    )
    encoder = Encoder.load(spaces.make(tmp_path))
    np.testing.assert_array_equal(encoder.encode(SOME), encoder.encode(SOME, prompt=""))
