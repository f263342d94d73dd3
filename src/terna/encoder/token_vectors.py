"""From a chunk of sentences to the vectors of their tokens, in whichever way the backbone gives the right ones.

`packed`: no padding is computed. `padded`: a batch with its mask, the reference. `by length`: sentences of one length
at a time, for backbones whose vectors depend on padding in spite of the mask (ConvBERT, FNet, Nyströmformer).
"""

import inspect
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from terna.encoder.attention import HALF, is_packed, laid_out, packs, use_packed, use_padded, watched_windows
from terna.encoder.packing import Chunk, arrange
from terna.encoder.pretrained import check_fit
from terna.errors import ModelError, words_of

# What packed and padded vectors may differ by, as a share of the largest value, by torch's precision of matrix products
# (`high` is TF32, `medium` half precision): rounding is below, an error above.
ROUNDING = {"highest": 1e-3, "high": 1e-2, "medium": 5e-2}
# what vectors with and without padding may differ by: nothing but the order of sums differs
SUMS = 5e-5

log = logging.getLogger(__name__)


class TokenVectors:
    """A chunk's token vectors (tokens, width) by a backbone.

    packed: compute no padding, where the backbone can. Raises ModelError when the backbone does not fit the tokenizer,
    or encodes no text.
    """

    def __init__(self, backbone: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, *, packed: bool) -> None:
        self.backbone = backbone
        self.padding = tokenizer.pad_token_id
        self.name = type(backbone).__name__
        self.where = backbone.name_or_path or self.name
        taken = inspect.signature(backbone.forward).parameters
        self.masked = "attention_mask" in taken
        # sentence-transformers hands on what the tokenizer gives: zeros, for a single sentence
        self.typed = "token_type_ids" in taken and "token_type_ids" in tokenizer.model_input_names
        self.options = {"use_cache": False} if "use_cache" in taken else {}
        # RoBERTa counts positions from its padding id + 1, and only those of tokens that are not padding
        self.first_position = padding_positions(backbone)
        rows = self._rows(tokenizer)
        self.probe = probe(tokenizer, rows)
        self._compared = {(backbone.device, backbone.dtype)}
        self.width = 0
        self.way: Literal["packed", "padded", "by length"] = "padded"
        can = packs(backbone)
        if packed and not can:
            log.warning("%s does not take packed sentences: they are padded", self.name)
        self._choose(packed and can)

    def __call__(self, chunk: Chunk) -> Tensor:
        """Token vectors (tokens, width) of a chunk, nothing but its sentences' own."""
        run = {"packed": self._packed, "padded": self._padded, "by length": self._by_length}[self.way]
        return run(chunk)

    @property
    def packed(self) -> bool:
        """Whether no padding is computed, for nothing but the sentences' own tokens goes through the backbone."""
        return self.way == "packed"

    def settle(self, device: torch.device) -> bool:
        """Let the backbone run in this object's way, on `device` and in the precision that holds now.

        Where packed vectors were not compared with padded ones yet, on a device or in a precision, they are; and if its
        kernels give others, or none, sentences are padded from then on. Returns whether that was found now.
        """
        before = self.way
        if self.packed and (place := (device, self._precision(device))) not in self._compared:
            with torch.compiler.set_stance("force_eager"), torch.no_grad(), self._evaluating():
                probe = self.probe.to(device)
                use_padded(self.backbone)
                self._compare(probe, self._padded(probe))
            self._compared.add(place)
        if self.packed != is_packed(self.backbone):  # another encoder of the same backbone had it otherwise
            (use_packed if self.packed else use_padded)(self.backbone)
        return self.way != before

    def hidden(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Token vectors (sentences, length, width) of padded ids and their mask, both (sentences, length)."""
        return self._run(ids, {"attention_mask": mask} if self.masked else {})

    def _rows(self, tokenizer: PreTrainedTokenizerBase) -> int:
        """How many word embeddings there are, enough for the tokenizer's entries."""
        try:
            rows = len(cast(nn.Embedding, self.backbone.get_input_embeddings()).weight)
        except (AttributeError, NotImplementedError) as error:
            raise ModelError(f"{self.where}: {self.name} has no word embeddings; give a model of text") from error
        check_fit(rows, tokenizer, self.where)
        return rows

    @torch.no_grad()
    def _choose(self, packed: bool) -> None:
        """Find the way that gives right vectors: the first of packed, if asked for, padded, and by length."""
        device = self.backbone.device
        probe = self.probe.to(device)
        use_padded(self.backbone)  # it may have been packed by another encoder
        with self._evaluating():
            padded = self._tried(self._padded, probe)
            if not padded.isfinite().all():
                raise ModelError(f"{self.where}: {self.name} gives vectors that are not numbers; give another backbone")
            self.width = padded.shape[-1]
            if packed:
                self._compare(probe, padded)
            if not self.packed and not _near(self._tried(self._by_length, probe), padded, SUMS):
                self.way = "by length"
                log.warning(
                    "%s gives other vectors beside padding: sentences of one length go through it at a time", self.name
                )

    def _tried(self, run: Callable[[Chunk], Tensor], probe: Chunk) -> Tensor:
        try:
            return run(probe)
        except Exception as error:  # whatever a model does that is made for other things
            raise ModelError(f"{self.where}: {self.name} gives no vectors for tokens: {words_of(error)}") from error

    def _compare(self, probe: Chunk, padded: Tensor) -> None:
        """Pack from now on if that gives the probe's padded vectors here; pad if it does not."""
        use_packed(self.backbone)
        try:
            half = self._precision(padded.device) in HALF
            rounding = ROUNDING["medium" if half else torch.get_float32_matmul_precision()]
            with watched_windows() as (asked, given):
                same, reason = _near(self._packed(probe), padded, rounding), "gives other vectors for packed sentences"
            if asked != given:  # in texts that are longer than the probe's
                same, reason = False, "takes windows from its mask, and packed sentences have none,"
        except Exception as error:  # a kernel that this device or precision lacks
            same, reason = False, f"does not take packed sentences ({error})"
        self.way = "packed" if same else "padded"
        if not same:
            use_padded(self.backbone)
            log.warning("%s %s on %s: they are padded", self.name, reason, padded.device.type)

    def _packed(self, chunk: Chunk) -> Tensor:
        with laid_out(chunk):
            return self._run(chunk.ids[None], {"position_ids": self._positions(chunk)[None]})[0]

    def _positions(self, chunk: Chunk) -> Tensor:
        """Each token's position (tokens,) as the backbone itself would count it."""
        if not self.first_position:
            return chunk.positions
        padding = self.first_position - 1
        counts = (chunk.ids != padding).long()  # a text may spell the padding token out
        counted = counts.cumsum(0)
        first = torch.arange(len(counts), device=counts.device) - chunk.positions
        return (counted - (counted - counts)[first]) * counts + padding

    def _padded(self, chunk: Chunk) -> Tensor:
        pieces = list(torch.split(chunk.ids, list(chunk.lengths)))
        ids = pad_sequence(pieces, batch_first=True, padding_value=self.padding)
        mask = torch.arange(ids.shape[1], device=ids.device) < chunk.offsets.diff()[:, None]
        return self.hidden(ids, mask.long())[mask]

    def _by_length(self, chunk: Chunk) -> Tensor:
        parts = torch.split(chunk.ids, [count * length for count, length in chunk.groups])
        grids = [part.view(group) for part, group in zip(parts, chunk.groups, strict=True)]
        return torch.cat([self.hidden(ids, torch.ones_like(ids)).flatten(0, 1) for ids in grids])

    def _run(self, ids: Tensor, given: dict[str, Tensor]) -> Tensor:
        types = {"token_type_ids": torch.zeros_like(ids)} if self.typed else {}
        found: Tensor = self.backbone(input_ids=ids, **given, **types, **self.options)[0]
        return found

    def _precision(self, device: torch.device) -> torch.dtype:
        """What matrices are multiplied in."""
        half = torch.is_autocast_enabled(device.type)
        return torch.get_autocast_dtype(device.type) if half else self.backbone.dtype

    @contextmanager
    def _evaluating(self) -> Iterator[None]:
        """Within it the backbone drops nothing."""
        training = self.backbone.training
        self.backbone.train(False)
        try:
            yield
        finally:
            self.backbone.train(training)


def probe(tokenizer: PreTrainedTokenizerBase, rows: int) -> Chunk:
    """Three short sentences; in one the padding token and a mask are spelt out, which some backbones look for."""
    padding, mask = tokenizer.pad_token_id, tokenizer.mask_token_id
    ids = (padding + 1 + np.arange(12) % 5) % rows
    ids[8:10] = padding, padding if mask is None else mask
    return arrange(ids, [3, 4, 5], len(ids)).chunks[0]


def _near(found: Tensor, expected: Tensor, share: float) -> bool:
    return bool((found - expected).abs().max() <= share * expected.abs().max())


def padding_positions(backbone: PreTrainedModel) -> int:
    """Rows of the position table that no token has: RoBERTa's positions begin behind its padding id."""
    embeddings = getattr(backbone, "embeddings", None)
    padding = getattr(getattr(embeddings, "position_embeddings", None), "padding_idx", None)
    return 0 if padding is None else int(padding) + 1
