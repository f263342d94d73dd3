"""Vectors from a folder with onnx/model.onnx: onnxruntime gives token vectors, numpy pools them."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import load_file
from transformers import AutoTokenizer

from terna.arrays import Ints, Vectors
from terna.encoder.saved import modules_of, pooling_of
from terna.errors import ModelError
from terna.records import read_json
from terna.sentences import gather, tokenize

# where sentence-transformers looks for it with backend="onnx"
FILE = Path("onnx/model.onnx")
INT8 = Path("onnx/model_qint8.onnx")
# Sentences that go through the graph together. Activations are quantised by the range of a batch: alone, a sentence has
# one vector whatever it comes with, and with short sentences that costs no time.
BATCHES = {INT8.name: 1}
BATCH = 16
INPUTS = ["input_ids", "attention_mask"]
OUTPUT = "last_hidden_state"
ACTIVATIONS: dict[str, Callable[[Vectors], Vectors]] = {"Tanh": np.tanh, "Identity": np.asarray}
KINDS = (["Transformer", "Pooling"], ["Transformer", "Pooling", "Dense"])


class OnnxEncoder:
    """Sentences to vectors, by onnxruntime on the CPU: those of the Encoder that the folder was written from."""

    def __init__(
        self, session: Any, tokenizer: Any, *, pooling: str, max_length: int, dense: "Dense | None", batch_size: int
    ) -> None:
        self.session = session
        self.tokenizer = tokenizer
        self.pooling = pooling
        self.max_length = max_length
        self.dense = dense
        self.batch_size = batch_size

    @classmethod
    def load(cls, path: Path | str) -> "OnnxEncoder":
        """The encoder of a folder that `write` wrote, or of one file in it (`folder/onnx/model_qint8.onnx`).

        As many threads compute as torch uses here. Raises ModelError when it is none, or onnxruntime is missing.
        """
        given = Path(path)
        file = given / FILE if given.is_dir() else given
        folder = file.parent.parent
        if not file.is_file():
            raise ModelError(f"{file}: not there; write it: python -m terna onnx --model {folder} --out FOLDER")
        modules = modules_of(folder)
        places = dict(modules)
        if [kind for kind, _ in modules] not in KINDS:
            raise ModelError(f"{folder}: modules {', '.join(places)}; only Transformer, Pooling and one Dense are read")
        tokenizer = AutoTokenizer.from_pretrained(places["Transformer"], trust_remote_code=False)
        return cls(
            _session(file),
            tokenizer,
            pooling=pooling_of(places["Pooling"]),
            max_length=_max_length(places["Transformer"]),
            dense=Dense.load(places["Dense"]) if "Dense" in places else None,
            batch_size=BATCHES.get(file.name, BATCH),
        )

    @property
    def dimension(self) -> int:
        """Length of a sentence vector."""
        return len(self.dense.bias) if self.dense else int(self.session.get_outputs()[0].shape[-1])

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Vectors of texts, float32 (len(texts), dimension), in their order; equal texts once."""
        places = {text: place for place, text in enumerate(dict.fromkeys(texts))}
        ids, offsets = tokenize(self.tokenizer, list(places), self.max_length)
        # of like length in a batch: little padding is computed
        order = np.argsort(-np.diff(offsets), kind="stable")
        vectors = np.zeros((len(order), self.dimension), np.float32)
        for first in range(0, len(order), self.batch_size):
            batch = order[first : first + self.batch_size]
            vectors[batch] = self._vectors(*gather(ids, offsets, batch))
        return vectors[[places[text] for text in texts]]

    def _vectors(self, ids: Ints, lengths: Ints) -> Vectors:
        """Vectors (sentences, dimension) of sentences that lie one after another in ids (tokens,)."""
        mask = np.arange(lengths.max()) < lengths[:, None]
        padded = np.full(mask.shape, self.tokenizer.pad_token_id, np.int64)
        padded[mask] = ids
        given = dict(zip(INPUTS, (padded, mask.astype(np.int64)), strict=True))
        pooled = pool(self.session.run([OUTPUT], given)[0], mask, self.pooling)
        return self.dense(pooled) if self.dense else pooled


class Dense:
    """The head: weight (out, in), bias (out,) and an activation."""

    def __init__(self, weight: Vectors, bias: Vectors, activation: Callable[[Vectors], Vectors]) -> None:
        self.weight = weight
        self.bias = bias
        self.activation = activation

    @classmethod
    def load(cls, folder: Path) -> "Dense":
        """The head of a folder; ModelError for an activation but tanh and identity, or without safetensors."""
        name = str(read_json(folder / "config.json")["activation_function"]).rsplit(".", 1)[-1]
        if name not in ACTIVATIONS or not (folder / "model.safetensors").is_file():
            raise ModelError(f"{folder}: a Dense head with tanh or identity, in safetensors, is expected")
        weights = load_file(folder / "model.safetensors")
        return cls(weights["linear.weight"], weights["linear.bias"], ACTIVATIONS[name])

    def __call__(self, pooled: Vectors) -> Vectors:
        """(sentences, in) → (sentences, out)."""
        return self.activation(pooled @ self.weight.T + self.bias)


def pool(hidden: Vectors, mask: Any, pooling: str) -> Vectors:
    """Token vectors (sentences, length, width), those under the mask alone → sentence vectors (sentences, width)."""
    if pooling == "cls":
        return hidden[:, 0]
    if pooling == "max":
        found: Vectors = np.where(mask[:, :, None], hidden, -np.inf).max(axis=1).astype(np.float32)
        return found
    # a product of matrices: no second copy of the token vectors
    summed: Vectors = np.matmul(mask[:, None, :].astype(np.float32), hidden)[:, 0]
    summed /= mask.sum(axis=1, dtype=np.float32)[:, None]
    return summed


def runtime() -> Any:
    """onnxruntime; ModelError when it is not installed."""
    try:
        import onnxruntime
    except ImportError as error:
        raise ModelError(f"onnxruntime cannot be imported ({error}); pip install -e '.[onnx]'") from error
    return onnxruntime


def _session(file: Path) -> Any:
    library = runtime()
    faults = library.capi.onnxruntime_pybind11_state
    options = library.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    # waiting threads sleep: spinning, they take the other program's core where there is one
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = library.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    except (faults.InvalidProtobuf, faults.InvalidGraph, faults.NotImplemented, faults.NoModel, faults.Fail) as error:
        raise ModelError(f"{file}: onnxruntime cannot read it ({error}); write it again") from error
    asked = sorted(given.name for given in session.get_inputs())
    if asked != sorted(INPUTS):
        raise ModelError(f"{file}: asks for {', '.join(asked)}, not {', '.join(INPUTS)}; write it with terna")
    return session


def _max_length(folder: Path) -> int:
    path = folder / "sentence_bert_config.json"
    stated = read_json(path).get("max_seq_length") if path.is_file() else None
    if stated is None:
        raise ModelError(f"{path}: no max_seq_length; write the folder with python -m terna onnx")
    return int(stated)
