"""Vectors from a folder with onnx/model.onnx: onnxruntime gives token vectors, the folder's own modules go on."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import PreTrainedTokenizerBase

from terna.arrays import Bools, Ints, Vectors
from terna.encoder.head import through
from terna.encoder.packing import arrange
from terna.encoder.pooling import pool, unpooled
from terna.encoder.saved import Saved
from terna.errors import ModelError, words_of
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
# onnxruntime's severity of what it writes to standard error: errors are raised
FATAL = 4


class Graph:
    """Token vectors by onnxruntime; ModelError for a file that it cannot read, or that asks for other things."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._session = _session(file)

    def __call__(self, ids: Ints, mask: Bools) -> Vectors:
        """Token vectors (sentences, length, width) of padded ids and their mask, both (sentences, length).

        Raises ModelError when it gives none.
        """
        given = dict(zip(INPUTS, (ids, mask.astype(np.int64)), strict=True))
        try:
            found: Vectors = self._session.run([OUTPUT], given)[0]
        except Exception as error:  # its many errors have no class in common
            raise ModelError(
                f"{self.file}: onnxruntime gives no vectors for texts of {ids.shape[1]} tokens ({words_of(error)}); "
                "lower max_seq_length, or write it again"
            ) from error
        return found

    def width(self, token: int) -> int:
        """Numbers of a token's vector, by trying two texts; ModelError where it gives other than that."""
        ids = np.full((2, 3), token, np.int64)
        found = self(ids, ids == token)
        if found.shape[:2] != ids.shape or found.ndim != 3 or not np.isfinite(found).all():
            raise ModelError(
                f"{self.file}: {OUTPUT} of shape {found.shape} for ids of shape {ids.shape}, but a vector of finite "
                "numbers for each of them is expected; write it with python -m terna onnx"
            )
        return int(found.shape[2])


class OnnxEncoder:
    """Sentences to vectors, by onnxruntime on the CPU: those of the Encoder that the folder was written from."""

    def __init__(
        self,
        graph: Graph,
        tokenizer: PreTrainedTokenizerBase,
        saved: Saved,
        *,
        max_length: int,
        batch_size: int,
    ) -> None:
        self.graph = graph
        self.tokenizer = tokenizer
        self.pooling = saved.pooling
        self.head = nn.Sequential(*saved.head).eval()
        self.usage = saved.usage
        self.width = graph.width(tokenizer.pad_token_id)
        saved.check_width(self.width)
        self.max_length = max_length
        self.batch_size = batch_size
        self.skip = 0 if self.pooling.include_prompt else self.usage.prompt_tokens(tokenizer, max_length)
        self.dimension = through(self.head, self._zeros(1), graph.file)[:, : self.usage.truncate_dim].shape[-1]

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
        saved = Saved.read(folder)
        if saved.texts.max_length is None:
            raise ModelError(f"{folder}: no max_seq_length; write the folder with python -m terna onnx")
        tokenizer = saved.tokenizer()
        return cls(
            Graph(file),
            tokenizer,
            saved,
            max_length=saved.texts.length(tokenizer),
            batch_size=BATCHES.get(file.name, BATCH),
        )

    def encode(self, texts: Sequence[str], *, prompt: str | None = None) -> Vectors:
        """Vectors of texts, float32 (len(texts), dimension), in their order; equal texts once; prompt: see Encoder."""
        places = {text: place for place, text in enumerate(dict.fromkeys(texts))}
        before = self.usage.prompt if prompt is None else prompt
        skip = self.skip if prompt is None else self.usage.skip(self.pooling, self.tokenizer, self.max_length, prompt)
        ids, offsets = tokenize(self.tokenizer, [before + text for text in places], self.max_length)
        lengths = np.diff(offsets)
        empty = unpooled(lengths, self.pooling.modes, skip)
        vectors = np.zeros((len(lengths), self.dimension), np.float32)
        vectors[empty] = self._unpooled(int(empty.sum()))
        # of like length in a batch: little padding is computed
        order = np.argsort(-lengths, kind="stable")
        order = order[~empty[order]]
        for first in range(0, len(order), self.batch_size):
            batch = order[first : first + self.batch_size]
            vectors[batch] = self._vectors(*gather(ids, offsets, batch), skip)
        return vectors[[places[text] for text in texts]]

    def _vectors(self, ids: Ints, lengths: Ints, skip: int) -> Vectors:
        """Vectors (sentences, dimension) of sentences that lie one after another in ids (tokens,)."""
        batch = arrange(ids, lengths, len(ids))
        chunk = batch.chunks[0]
        mask = np.arange(max(chunk.lengths)) < np.array(chunk.lengths)[:, None]
        padded = np.full(mask.shape, self.tokenizer.pad_token_id, np.int64)
        padded[mask] = chunk.ids.numpy()
        hidden = torch.from_numpy(self.graph(padded, mask)[mask])
        return self._finished(pool(hidden, chunk, self.pooling.modes, skip)[batch.place])

    def _unpooled(self, count: int) -> Vectors:
        """Vectors (count, dimension) of sentences of which nothing was pooled."""
        return self._finished(self._zeros(count))

    def _zeros(self, count: int) -> Tensor:
        return torch.zeros(count, self.width * len(self.pooling.modes))

    @torch.inference_mode()
    def _finished(self, pooled: Tensor) -> Vectors:
        found: Vectors = self.head(pooled)[:, : self.usage.truncate_dim].numpy()
        return found


def runtime() -> Any:
    """onnxruntime; ModelError when it is not installed."""
    try:
        import onnxruntime
    except ImportError as error:
        raise ModelError(f"onnxruntime cannot be imported ({error}); pip install -e '.[onnx]'") from error
    return onnxruntime


def _session(file: Path) -> Any:
    library = runtime()
    options = library.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    # waiting threads sleep: spinning, they take the other program's core where there is one
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = FATAL
    try:
        session = library.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its many errors have no class in common
        raise ModelError(f"{file}: onnxruntime cannot read it ({words_of(error)}); write it again") from error
    asked, given = (sorted(each.name for each in ends) for ends in (session.get_inputs(), session.get_outputs()))
    if asked != sorted(INPUTS) or OUTPUT not in given:
        raise ModelError(
            f"{file}: asks for {', '.join(asked)} and gives {', '.join(given)}, not {', '.join(INPUTS)} and {OUTPUT}; "
            "write it with python -m terna onnx"
        )
    return session
