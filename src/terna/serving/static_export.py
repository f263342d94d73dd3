"""An encoder distilled to a table of token vectors by model2vec, in a folder that SentenceTransformer reads."""

import logging
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from io import StringIO
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from terna.encoder import Encoder
from terna.encoder.attention import use_padded
from terna.encoder.head import Normalize
from terna.encoder.packing import arrange
from terna.encoder.pooling import pool
from terna.encoder.usage import Usage
from terna.errors import ModelError, words_of
from terna.serving.folders import created
from terna.systems.static import StaticEncoder, is_static

# model2vec's default
DIMENSIONS = 256


def write(model: Path, out: Path, *, dimensions: int | None = None) -> StaticEncoder:
    """Distil the encoder of the folder `model`, and write what comes out as the folder `out`, whole or not at all.

    Each piece of the tokenizer is encoded by itself, without a prompt; principal components, `dimensions` of them
    (None: 256, or all where the encoder has fewer), are weighted by the piece's rank after Zipf's law. Raises
    ModelError when `out` already exists, the encoder cannot be read, or model2vec cannot use its tokenizer.
    """
    if is_static(model):
        raise ModelError(f"{model}: is a static encoder already; give one with a backbone")
    with created(out) as beside:
        beside.mkdir()
        encoder = Encoder.load(model)
        wanted = min(DIMENSIONS, encoder.dimension) if dimensions is None else dimensions
        if wanted > encoder.dimension:
            raise ModelError(f"--dimensions {wanted}: {model} has {encoder.dimension}; give no more")
        found = _distilled(library(), encoder, wanted, model)
        found.save(beside)
        for file in model.glob("LICENSE*"):
            shutil.copy(file, beside)
    return found


def library() -> Any:
    """model2vec's `distill_from_model`; ModelError when it, or what it needs for that, is not installed."""
    try:
        from model2vec.distill import distill_from_model
    except ImportError as error:
        raise ModelError(f"model2vec cannot distil here ({error}); pip install -e '.[static]'") from error
    return distill_from_model


def _distilled(distil: Any, encoder: Encoder, dimensions: int, model: Path) -> StaticEncoder:
    if not encoder.tokenizer.is_fast:
        raise ModelError(f"{model}: model2vec cannot use a tokenizer without tokenizer.json; give another encoder")
    try:
        with _quiet():
            found = distil(
                _pooling(encoder), encoder.tokenizer, device="cpu", pca_dims=dimensions, quantize_to="float32"
            )
    except Exception as error:  # whatever it and skeletoken raise for a kind of tokenizer or model they do not know
        raise ModelError(f"{model}: model2vec cannot distil it ({words_of(error)}); give another encoder") from error
    pieces, width = found.embedding.shape
    if width != dimensions:  # it leaves components out, and warns
        raise ModelError(f"--dimensions {dimensions}: as many components need more than {pieces} pieces; give fewer")
    usage = Usage(similarity_fn_name=encoder.usage.similarity_fn_name)
    return StaticEncoder(torch.from_numpy(found.embedding), found.tokenizer, [Normalize()], usage)


@contextmanager
def _quiet() -> Iterator[None]:
    """Within it the libraries' bar is for a terminal alone, and what they log, which changes nothing here, is not."""
    logging.disable(logging.WARNING)
    shown = sys.stderr if sys.stderr.isatty() else StringIO()
    try:
        with redirect_stderr(shown):
            yield
    finally:
        logging.disable(logging.NOTSET)


def _pooling(encoder: Encoder) -> PreTrainedModel:
    """The backbone, which gives a text's vector, pooled and mapped as the encoder has it, as that of each token.

    model2vec knows neither all ways of pooling nor modules after it. Vectors are not normalised before the components.
    """
    head = nn.Sequential(*(module for module in encoder.head if not isinstance(module, Normalize)))
    modes, kept = encoder.pooling.modes, encoder.usage.truncate_dim

    def pooled(_: nn.Module, __: Any, given: dict[str, Tensor], output: Any) -> Any:
        mask = given["attention_mask"].bool()
        ids = given["input_ids"][mask].numpy()
        batch = arrange(ids, mask.sum(1).numpy(), len(ids))  # they come by rising length, as arrange has them
        vectors = head(pool(output[0][mask], batch.chunks[0], modes))[:, :kept]
        output.last_hidden_state = vectors[:, None].expand(-1, mask.shape[1], -1)
        return output

    backbone = encoder.backbone
    use_padded(backbone)
    backbone.register_forward_hook(pooled, with_kwargs=True)
    return backbone
