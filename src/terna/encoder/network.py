"""The encoder: tokenizer → backbone → pooling → Dense head, and `encode(texts)`."""

import inspect
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.checkpoint import checkpoint
from tqdm import tqdm
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from terna.arrays import Ints, Vectors
from terna.encoder.attention import laid_out, use_packed, use_padded
from terna.encoder.dropout import drawn_from, replace_dropout
from terna.encoder.head import DenseHead
from terna.encoder.packing import Batch, Chunk, arrange, chunking
from terna.encoder.threads import side_by_side
from terna.sentences import gather, tokenize
from terna.settings.plain_mode import is_plain

# what packed and padded vectors may differ by, as a share of the largest value: rounding is below, an error above
ROUNDING = 1e-3

log = logging.getLogger(__name__)


class Encoder(nn.Module):
    """Sentences to vectors.

    pooling: `mean` (over the sentence's own tokens), `cls` (the first token's vector) or `max`. dense: a linear map
    with its activation, on the pooled vector; None for none. max_length: tokens a sentence is cut to. packed: compute
    no padding, where the backbone can; it then says so in `packed`. With TERNA_PLAIN=1 nothing is packed, dropout is
    torch's own, and chunks are computed one after another.
    """

    def __init__(
        self,
        backbone: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        *,
        pooling: str,
        max_length: int,
        dense: DenseHead | None = None,
        packed: bool = True,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.tokenizer = tokenizer
        self.pooling = pooling
        self.max_length = max_length
        self.dense = dense
        self.cached = False
        # RoBERTa counts positions from its padding id + 1
        self.first_position = padding_positions(backbone)
        pooler = getattr(backbone, "pooler", None)
        if pooler is not None:  # it lies beside the path from tokens to our vector: no gradient ever reaches it
            pooler.requires_grad_(False)
        replace_dropout(backbone)
        # any tokens but padding, by which RoBERTa would count positions
        ids = (tokenizer.pad_token_id + 1 + np.arange(12) % 5) % backbone.config.vocab_size
        probe = arrange(ids, [3, 4, 5], 12).to(backbone.device).chunks[0]
        self.packed = packed and not is_plain() and self._packs(probe)
        self._draws_by_seed = self._draws(probe)

    @classmethod
    def load(cls, folder: Path | str) -> "Encoder":
        """The encoder of a folder (models/encoder, or what sentence-transformers saved), ready to encode.

        Raises ModelError when it is none, or pools or goes on in a way that this encoder cannot.
        """
        from terna.encoder.saved import load  # it is made of encoders itself

        return load(Path(folder))

    @property
    def dimension(self) -> int:
        """Length of a sentence vector."""
        return self.dense.linear.out_features if self.dense else int(self.backbone.config.hidden_size)

    def forward(self, batch: Batch) -> Tensor:
        """Vectors (sentences, dimension) of a batch, in its order."""
        run = self._checkpointed if self.cached and torch.is_grad_enabled() else self._vectors
        workers = self._workers(batch)
        if workers:
            return side_by_side(batch.chunks, run, self.parameters(), workers)[batch.place]
        return torch.cat([run(chunk) for chunk in batch.chunks])[batch.place]

    def _workers(self, batch: Batch) -> int:
        """Threads that go through the backbone side by side, one or several with one dropout; 0: not to be shared."""
        compiled = self.backbone._compiled_call_impl is not None
        if is_plain() or batch.place.device.type != "cpu" or compiled or (self.training and not self._draws_by_seed):
            return 0
        return min(torch.get_num_threads(), len(batch.chunks))

    def arrange(self, ids: Ints, lengths: Ints) -> Batch:
        """Sentences that lie one after another in `ids` (tokens,) as a batch for this encoder's device, on the host."""
        return arrange(ids, lengths, *chunking(next(self.parameters()).device))

    def _vectors(self, chunk: Chunk, seed: int | None = None) -> Tensor:
        with drawn_from(seed):
            hidden = self._packed(chunk) if self.packed else self._padded(chunk)
        pooled = pool(hidden, chunk, self.pooling)
        return self.dense(pooled) if self.dense else pooled

    def _checkpointed(self, chunk: Chunk, seed: int | None = None) -> Tensor:
        preserve = seed is None
        found: Tensor = checkpoint(self._vectors, chunk, seed, use_reentrant=False, preserve_rng_state=preserve)
        return found

    def _packed(self, chunk: Chunk) -> Tensor:
        """Token vectors (tokens, width), nothing but the sentences' own tokens computed."""
        positions = (chunk.positions + self.first_position)[None]
        with laid_out(chunk):
            hidden: Tensor = self.backbone(input_ids=chunk.ids[None], position_ids=positions)[0][0]
        return hidden

    def _padded(self, chunk: Chunk) -> Tensor:
        """The same by way of a padded batch and its mask: the reference, and what every backbone can do."""
        pieces = list(torch.split(chunk.ids, list(chunk.lengths)))
        ids = pad_sequence(pieces, batch_first=True, padding_value=self.tokenizer.pad_token_id)
        sizes = chunk.offsets.diff()
        mask = torch.arange(ids.shape[1], device=ids.device) < sizes[:, None]
        hidden: Tensor = self.backbone(input_ids=ids, attention_mask=mask.long())[0]
        return hidden[mask]

    @torch.no_grad()
    def _packs(self, probe: Chunk) -> bool:
        """Let the backbone take packed batches, if it can, and if it then gives the vectors that it gives padded."""
        name = type(self.backbone).__name__
        takes = "position_ids" in inspect.signature(self.backbone.forward).parameters
        if not (takes and self.backbone._supports_attention_backend):
            log.warning("%s does not take packed sentences: they are padded", name)
            return False
        training = self.training
        self.eval()
        use_padded(self.backbone)  # it may have been packed by another encoder
        padded = self._padded(probe)
        use_packed(self.backbone)
        same = bool((self._packed(probe) - padded).abs().max() <= ROUNDING * padded.abs().max())
        self.train(training)
        if not same:
            use_padded(self.backbone)
            log.warning("%s gives other vectors for packed sentences: they are padded", name)
        return same

    @torch.no_grad()
    def _draws(self, probe: Chunk) -> bool:
        """Whether all dropout is ours, which draws from a seed: what draws otherwise is not for several threads."""
        training = self.training
        with torch.random.fork_rng(devices=[]):
            before = torch.get_rng_state()
            self.train()
            self._vectors(probe, 0)
            self.train(training)
            return torch.equal(before, torch.get_rng_state())

    def encode(self, texts: Sequence[str], *, batch_size: int = 256, progress: bool = False) -> Vectors:
        """Vectors of texts, float32 (len(texts), dimension), in their order, without dropout; equal texts once."""
        places = {text: place for place, text in enumerate(dict.fromkeys(texts))}
        ids, offsets = tokenize(self.tokenizer, list(places), self.max_length)
        vectors = self.embed(ids, offsets, batch_size=batch_size, progress=progress)
        return vectors[[places[text] for text in texts]]

    @torch.inference_mode()
    def embed(self, ids: Ints, offsets: Ints, *, batch_size: int = 256, progress: bool = False) -> Vectors:
        """Vectors of tokenised sentences (see tokens.TokenTable), float32 (sentences, dimension), without dropout."""
        order = np.argsort(-np.diff(offsets), kind="stable")
        vectors = np.zeros((len(order), self.dimension), np.float32)
        device = next(self.parameters()).device
        training = self.training
        self.eval()
        with tqdm(total=len(order), disable=not progress, unit="sentence") as bar:
            for first in range(0, len(order), batch_size):
                batch = order[first : first + batch_size]
                vectors[batch] = self(self.arrange(*gather(ids, offsets, batch)).to(device)).float().cpu().numpy()
                bar.update(len(batch))
        self.train(training)
        return vectors


def pool(hidden: Tensor, chunk: Chunk, pooling: str) -> Tensor:
    """Token vectors (tokens, width) of a chunk → sentence vectors (sentences, width), in float32 or better."""
    if pooling == "cls":
        return hidden[chunk.offsets[:-1]]
    exact = hidden.to(torch.promote_types(hidden.dtype, torch.float32))
    return torch.segment_reduce(exact, pooling, lengths=chunk.offsets.diff().long(), axis=0, unsafe=True)


def padding_positions(backbone: PreTrainedModel) -> int:
    """Rows of the position table that no token has: RoBERTa's positions begin behind its padding id."""
    embeddings = getattr(backbone, "embeddings", None)
    padding = getattr(getattr(embeddings, "position_embeddings", None), "padding_idx", None)
    return 0 if padding is None else int(padding) + 1
