"""A folder with ONNX in it gives the vectors of the encoder that it was written from, whatever the batch."""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from folder_inputs import Folder, edited
from sentence_transformers import SentenceTransformer
from transformers import BertConfig, BertModel, ModernBertConfig, ModernBertModel, MPNetConfig, MPNetModel

from terna.encoder import Encoder, save
from terna.errors import ModelError
from terna.serving import onnx_export
from terna.serving.cli import main
from terna.systems import digests_of, load_system, locate
from terna.systems.onnx_runtime import OnnxEncoder

Make = Callable[..., Encoder]
KINDS = {
    "mean": ["model.pooling=mean"],
    "cls": ["model.pooling=cls"],
    "max": ["model.pooling=max"],
    "dense": ["model.dense={out_features:12,activation:tanh}"],
    "identity": ["model.pooling=cls", "model.dense={out_features:12,activation:identity}"],
}
SHAPE = {
    "vocab_size": 320,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 64,
}
FAMILIES = {
    "BERT": lambda: BertModel(BertConfig(**SHAPE, pad_token_id=1)),
    "MPNet": lambda: MPNetModel(MPNetConfig(**SHAPE)),
    "ModernBERT": lambda: ModernBertModel(
        ModernBertConfig(**SHAPE, pad_token_id=1, local_attention=8, global_attn_every_n_layers=2)
    ),
}


@pytest.fixture
def texts(sentences: list[str]) -> list[str]:
    """Of one token to more than are kept, more than two batches of them, some of them equal."""
    return [*sentences, "a", *(f"{' '.join(sentences[: n % 4 + 1])} {n}" for n in range(40)), *sentences]


@pytest.mark.parametrize("kind", KINDS)
def test_the_vectors_are_those_of_the_encoder(make_encoder: Make, texts: list[str], tmp_path: Path, kind: str) -> None:
    encoder = make_encoder(*KINDS[kind])
    save(encoder, tmp_path / "encoder")
    onnx_export.write(tmp_path / "encoder", tmp_path / "graph")
    (tmp_path / "graph" / "model.safetensors").unlink()  # not needed to read the graph
    expected, read = encoder.encode(texts), OnnxEncoder.load(tmp_path / "graph")
    found = read.encode(texts)
    assert (found.dtype, found.shape) == (np.float32, expected.shape)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    for text in texts[:8]:
        np.testing.assert_allclose(read.encode([text]), encoder.encode([text]), atol=1e-5)
    assert read.encode([]).shape == (0, encoder.dimension)


@pytest.mark.parametrize("family", FAMILIES)
def test_other_families_go_into_onnx(make_encoder: Make, texts: list[str], tmp_path: Path, family: str) -> None:
    backbone = FAMILIES[family]()
    encoder = Encoder(backbone, make_encoder().tokenizer, pooling="mean", max_length=24).eval()
    save(encoder, tmp_path / "encoder")
    onnx_export.write(tmp_path / "encoder", tmp_path / "graph")
    np.testing.assert_allclose(OnnxEncoder.load(tmp_path / "graph").encode(texts), encoder.encode(texts), atol=1e-5)


def test_the_folder_still_loads_as_before_and_sentences_are_cut_where_they_were(
    make_encoder: Make, texts: list[str], tmp_path: Path
) -> None:
    encoder = make_encoder("model.dense={out_features:12,activation:tanh}")
    save(encoder, tmp_path / "ours")
    neighbour = SentenceTransformer(str(tmp_path / "ours"), device="cpu")
    neighbour.save(str(tmp_path / "encoder"), create_model_card=False)  # leaves the length to the tokenizer
    (tmp_path / "encoder" / "README.md").write_text("what it is")
    onnx_export.write(tmp_path / "encoder", tmp_path / "graph")
    again = SentenceTransformer(str(tmp_path / "graph"), device="cpu")
    assert again.max_seq_length == encoder.max_length
    assert (tmp_path / "graph" / "README.md").read_text() == "what it is"
    np.testing.assert_allclose(again.encode(texts), encoder.encode(texts), atol=1e-5)
    np.testing.assert_allclose(Encoder.load(tmp_path / "graph").encode(texts), encoder.encode(texts), atol=1e-7)
    np.testing.assert_allclose(OnnxEncoder.load(tmp_path / "graph").encode(texts), encoder.encode(texts), atol=1e-5)


def test_int8_is_smaller_near_and_gives_a_sentence_one_vector(
    make_encoder: Make, texts: list[str], tmp_path: Path
) -> None:
    wide = "model.scratch={vocab_size:320,hidden_size:128,layers:2,heads:2,intermediate_size:512}"
    save(make_encoder(wide), tmp_path / "encoder")
    whole, small = onnx_export.write(tmp_path / "encoder", tmp_path / "graph", int8=True)
    assert small.stat().st_size < 0.4 * whole.stat().st_size
    expected, read = OnnxEncoder.load(whole).encode(texts), OnnxEncoder.load(small)
    found = read.encode(texts)
    cosines = (found * expected).sum(1) / np.linalg.norm(found, axis=1) / np.linalg.norm(expected, axis=1)
    assert cosines.min() > 0.98
    assert np.abs(found - expected).max() > 1e-4  # it is another file indeed
    np.testing.assert_array_equal(read.encode(texts[3:4])[0], found[3])


def test_two_exports_are_the_same_bytes(make_encoder: Make, tmp_path: Path) -> None:
    save(make_encoder(), tmp_path / "encoder")
    first, second = (onnx_export.write(tmp_path / "encoder", tmp_path / name, int8=True) for name in ("one", "two"))
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_from_a_shell_and_as_a_system(
    make_encoder: Make, texts: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    encoder = make_encoder()
    save(encoder, tmp_path / "encoder")
    assert main(["onnx", "--model", str(tmp_path / "encoder"), "--out", str(tmp_path / "graph"), "--int8"]) == 0
    whole, small = (line.split("\t")[0] for line in capsys.readouterr().out.splitlines())
    np.testing.assert_allclose(load_system(whole).encode(texts), encoder.encode(texts), atol=1e-5)
    assert {"onnx/model.onnx", "onnx/model_qint8.onnx", "tokenizer.json"} <= set(digests_of(locate(small)))
    assert main(["similarity", "--model", small, "Hola.", "Hola."]) == 0
    assert float(capsys.readouterr().out.splitlines()[1].split("\t")[0]) == pytest.approx(1, abs=1e-5)


def test_what_is_refused_leaves_nothing(make_encoder: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelError, match=r"no modules\.json"):
        onnx_export.write(tmp_path, tmp_path / "graph")
    save(make_encoder(), tmp_path / "encoder")
    with pytest.raises(ModelError, match="encoder: already exists; remove it, or give another --out"):
        onnx_export.write(tmp_path / "encoder", tmp_path / "encoder")
    without = Folder(edit=edited("config.json", num_hidden_layers=0)).make(tmp_path / "made")
    # no mask in its graph
    with pytest.raises(ModelError, match=rf"^{without}: BertModel does not go into ONNX: onnx/model\.onnx: asks for"):
        onnx_export.write(without, tmp_path / "graph")
    shutil.rmtree(tmp_path / "made")
    # a graph for the length that it was traced with
    one = Folder(edit=edited("config.json", chunk_size_feed_forward=1)).make(tmp_path / "made")
    with pytest.raises(
        ModelError, match=rf"^{one}: BertModel does not go into ONNX: .*no vectors for texts of \d+ tok"
    ):
        onnx_export.write(one, tmp_path / "graph")
    shutil.rmtree(tmp_path / "made")
    # a graph that says other things than the backbone
    monkeypatch.setattr(onnx_export.OnnxEncoder, "encode", lambda self, texts: np.ones((len(texts), 32), np.float32))
    with pytest.raises(ModelError, match=r"vectors by onnxruntime differ by .*; this backbone cannot be exported"):
        onnx_export.write(tmp_path / "encoder", tmp_path / "graph")
    monkeypatch.setattr(onnx_export, "LARGEST", 1000)
    with pytest.raises(ModelError, match="a file of ONNX holds less than 2"):
        onnx_export.write(tmp_path / "encoder", tmp_path / "graph")
    assert [path.name for path in tmp_path.iterdir()] == ["encoder"]


def test_a_folder_that_cannot_be_read_is_refused_with_its_remedy(make_encoder: Make, tmp_path: Path) -> None:
    save(make_encoder("model.dense={out_features:12,activation:tanh}"), tmp_path / "encoder")
    with pytest.raises(ModelError, match=r"model\.onnx: not there; write it: python -m terna onnx"):
        OnnxEncoder.load(tmp_path / "encoder")
    file = onnx_export.write(tmp_path / "encoder", tmp_path / "graph")[0]

    def refused(told: str, path: str, content: bytes) -> None:
        shutil.copytree(tmp_path / "graph", tmp_path / "broken")
        (tmp_path / "broken" / path).write_bytes(content)
        with pytest.raises(ModelError, match=told):
            OnnxEncoder.load(tmp_path / "broken")
        shutil.rmtree(tmp_path / "broken")

    refused("onnxruntime cannot read it", "onnx/model.onnx", file.read_bytes()[:5000])
    refused("onnxruntime cannot read it", "onnx/model.onnx", b"")
    modules = (tmp_path / "graph" / "modules.json").read_bytes()
    refused("modules Transformer, WordWeights, Dense", "modules.json", modules.replace(b"Pooling", b"WordWeights"))
    refused("no max_seq_length", "sentence_bert_config.json", b"{}")
    head = json.loads((tmp_path / "graph" / "2_Dense" / "config.json").read_text())
    theirs = json.dumps(head | {"activation_function": "transformers.activations.GELUActivation"}).encode()
    refused(r"2_Dense/config\.json: activation_function", "2_Dense/config.json", theirs)
    pooling = json.loads((tmp_path / "graph" / "1_Pooling" / "config.json").read_text())
    wide = json.dumps(pooling | {"word_embedding_dimension": 99}).encode()
    refused(r"embedding_dimension is 99, but a token's vector has 32 numbers", "1_Pooling/config.json", wide)
    two = json.dumps(pooling | {"pooling_mode_max_tokens": True}).encode()
    refused("module 2, Dense, does not take vectors of 64 numbers", "1_Pooling/config.json", two)
    settings = b'{"max_seq_length": 1}'
    refused("max_seq_length: 1, but 2 or more is expected", "sentence_bert_config.json", settings)


def _renamed(graph: Any) -> None:
    """The graph's output by the name that sentence-transformers' own exports of later versions have."""
    for node in graph.node:
        node.output[:] = ["token_embeddings" if name == graph.output[0].name else name for name in node.output]
    graph.output[0].name = "token_embeddings"


def _of_one_length(graph: Any) -> None:
    for end in (*graph.input, *graph.output):
        end.type.tensor_type.shape.dim[1].dim_value = 8


def _narrow(graph: Any) -> None:
    for end in graph.input:
        end.type.tensor_type.elem_type = onnx.TensorProto.INT32


def _without_numbers(graph: Any) -> None:
    for weight in (each for each in graph.initializer if "word_embeddings" in each.name):
        values = np.full_like(onnx.numpy_helper.to_array(weight), np.nan)
        weight.CopyFrom(onnx.numpy_helper.from_array(values, weight.name))


OTHERS: dict[Callable[[Any], None], str] = {
    _renamed: r"asks for attention_mask, input_ids and gives token_embeddings, not input_ids, attention_mask and last",
    _of_one_length: r"onnxruntime gives no vectors for texts of 3 tokens \(.*\)",
    _narrow: r"onnxruntime gives no vectors for texts of 3 tokens \(.*Unexpected input data type",
    _without_numbers: r"last_hidden_state of shape \(2, 3, 16\) for ids of shape \(2, 3\), but a vector of fin",
}


def test_a_graph_of_somebody_else_is_refused(tmp_path: Path) -> None:
    file = onnx_export.write(Folder().make(tmp_path / "made"), tmp_path / "graph")[0]
    whole = file.read_bytes()
    for change, told in OTHERS.items():
        made = onnx.load_from_string(whole)
        change(made.graph)
        file.write_bytes(made.SerializeToString())
        with pytest.raises(ModelError, match=rf"^{file}: {told}.*; .*write it"):
            load_system(str(file))


def test_texts_longer_than_a_graph_takes_are_refused(tmp_path: Path) -> None:
    file = onnx_export.write(Folder().make(tmp_path / "made"), tmp_path / "graph")[0]
    edited("sentence_bert_config.json", max_seq_length=41)(tmp_path / "graph")
    with pytest.raises(ModelError, match=rf"^{file}: .*no vectors for texts of 41 tokens .*; lower max_seq_length"):
        load_system(str(file)).encode(["perro " * 60])


@pytest.mark.parametrize("package", ["onnx", "onnxruntime"])
def test_it_says_what_to_install(
    make_encoder: Make,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    package: str,
) -> None:
    save(make_encoder(), tmp_path / "encoder")
    monkeypatch.setitem(sys.modules, package, None)
    assert main(["onnx", "--model", str(tmp_path / "encoder"), "--out", str(tmp_path / "graph")]) == 1
    told = capsys.readouterr().err
    assert f"{package} cannot be imported" in told
    assert "pip install -e '.[onnx]'" in told
    assert not (tmp_path / "graph").exists()
