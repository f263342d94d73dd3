"""The backbone as an ONNX graph from token ids to token vectors, in a folder of the same encoder.

Pooling and head stay outside of it: this is the layout of `SentenceTransformer(folder, backend="onnx")`.
"""

import logging
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from terna.arrays import Vectors
from terna.encoder import Encoder, save
from terna.encoder.attention import use_padded
from terna.encoder.token_vectors import TokenVectors
from terna.errors import ModelError
from terna.serving.folders import created
from terna.systems.onnx_runtime import FILE, INPUTS, INT8, OUTPUT, OnnxEncoder, runtime

# the first one in which a layer norm is one operation
OPSET = 17
# what a file in protobuf may hold
LARGEST = 2**31
# short and long, and longer than any that a model is traced with
PROBE = ["Hola.", "El tren de las ocho llega tarde.", " ".join(["Hoy no hay pan en la panadería del barrio."] * 9)]
# what vectors by torch and by onnxruntime may differ by, as a share of the largest value: rounding is below
ROUNDING = 1e-4
# what is said of an encoder goes with it
SAID = ("README.md", "LICENSE*")


def write(model: Path, out: Path, *, int8: bool = False) -> list[Path]:
    """Save the encoder of the folder `model` to `out`, with onnx/model.onnx and, if asked, onnx/model_qint8.onnx in it.

    Returns the files that were added. Whole or not at all. Raises ModelError when the encoder cannot be read, when
    `out` already exists, when its backbone does not go into ONNX, or gives other vectors there.
    """
    library()
    runtime()
    encoder = Encoder.load(model)
    with created(out) as beside:
        save(encoder, beside)
        for file in (file for pattern in SAID for file in model.glob(pattern)):
            shutil.copy(file, beside)
        expected = encoder.encode(PROBE)
        _trace(encoder.token_vectors, beside / FILE, model)
        _compare(_vectors(beside, encoder.token_vectors.name, model), expected, model)
        if int8:
            _quantize(beside / FILE, beside / INT8)
    return [out / FILE, *([out / INT8] if int8 else [])]


def library() -> Any:
    """onnx; ModelError when it is not installed."""
    try:
        import onnx
    except ImportError as error:
        raise ModelError(f"onnx cannot be imported ({error}); pip install -e '.[onnx]'") from error
    return onnx


class _TokenVectors(nn.Module):
    """The graph's only output, (sentences, length, width)."""

    def __init__(self, token_vectors: TokenVectors) -> None:
        super().__init__()
        self.backbone = token_vectors.backbone
        self.hidden = token_vectors.hidden

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        return self.hidden(input_ids, attention_mask)


def _trace(token_vectors: TokenVectors, file: Path, model: Path) -> None:
    """Write the graph: any number of sentences, of any length."""
    backbone = token_vectors.backbone
    if (size := sum(each.nbytes for each in backbone.parameters())) >= LARGEST:
        raise ModelError(f"the backbone's weights take {size / 2**30:.1f} GiB, and a file of ONNX holds less than 2")
    if token_vectors.way == "by length":
        raise ModelError(f"{model}: {token_vectors.name}'s vectors depend on padding; this backbone cannot be exported")
    file.parent.mkdir()
    use_padded(backbone)
    ids = torch.arange(5, 13).reshape(2, 4) % backbone.config.vocab_size
    mask = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]])
    axes = {name: {0: "sentences", 1: "length"} for name in (*INPUTS, OUTPUT)}
    # the exporter of TorchScript needs no further package; what it warns of would show in _compare
    with warnings.catch_warnings(action="ignore"):
        try:
            torch.onnx.export(
                _TokenVectors(token_vectors).eval(),
                (ids, mask),
                file,
                dynamo=False,
                opset_version=OPSET,
                input_names=INPUTS,
                output_names=[OUTPUT],
                dynamic_axes=axes,
            )
        except Exception as error:  # the exporter's, or whatever a backbone does when it is traced
            reason = str(error).partition("\n")[0]
            raise ModelError(f"{model}: {token_vectors.name} does not go into ONNX: {reason}") from error


def _vectors(folder: Path, name: str, model: Path) -> Vectors:
    try:
        return OnnxEncoder.load(folder).encode(PROBE)
    except ModelError as error:  # its file is about to go, and its remedy is to write it again
        reason = str(error).replace(f"{folder}/", "").partition(";")[0]
        raise ModelError(f"{model}: {name} does not go into ONNX: {reason}") from error


def _compare(found: Vectors, expected: Vectors, model: Path) -> None:
    difference = np.abs(found - expected).max()
    if not difference <= ROUNDING * np.abs(expected).max():
        raise ModelError(
            f"{model}: vectors by onnxruntime differ by {difference:.2g}; this backbone cannot be exported"
        )


def _quantize(file: Path, out: Path) -> None:
    """Weights as 8-bit integers, with a scale for each column; activations are quantised batch by batch.

    reduce_range: 7 of the 8 bits, since processors without VNNI add products up in 16 bits.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    logging.disable(logging.WARNING)  # it advises, on the root logger, a step that changes nothing here
    try:
        quantize_dynamic(file, out, per_channel=True, reduce_range=True, weight_type=QuantType.QInt8)
    finally:
        logging.disable(logging.NOTSET)
