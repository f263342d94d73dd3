"""The encoder: tokenizer → backbone → pooling → Dense head, and `encode(texts)`."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from terna.tokens import Ints, gather, tokenize

Vectors = np.ndarray[Any, np.dtype[np.float32]]
# Padded tokens that go through the backbone at once. Sentences of like length share a chunk: the smaller the chunks,
# the less is padding (of a batch of ESXNLI 17 % at 1,024, 54 % at 8,192), and the more there are to launch.
CHUNK_TOKENS = {"cpu": 1024}
LARGE_CHUNK_TOKENS = 16384
ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {"tanh": nn.Tanh, "identity": nn.Identity}


class Encoder(nn.Module):
    """Sentences to vectors.

    pooling: `mean` (over the sentence's own tokens), `cls` (the first token's vector) or `max`. dense: a linear map
    with its activation, on the pooled vector; None for none. max_length: tokens a sentence is cut to.
    """

    def __init__(
        self,
        backbone: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        *,
        pooling: str,
        max_length: int,
        dense: "DenseHead | None" = None,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.tokenizer = tokenizer
        self.pooling = pooling
        self.max_length = max_length
        self.dense = dense
        pooler = getattr(backbone, "pooler", None)
        if pooler is not None:  # it lies beside the path from tokens to our vector: no gradient ever reaches it
            pooler.requires_grad_(False)

    @property
    def dimension(self) -> int:
        """Length of a sentence vector."""
        return self.dense.linear.out_features if self.dense else int(self.backbone.config.hidden_size)

    def forward(self, ids: Tensor, lengths: Sequence[int]) -> Tensor:
        """Vectors (sentences, dimension) of sentences that lie one after another in `ids` (tokens,).

        Sentences of like length go through the backbone together; the order of the result is that of `lengths`.
        """
        order = np.argsort(lengths, kind="stable")
        pieces = torch.split(ids, list(lengths))
        limit = CHUNK_TOKENS.get(ids.device.type, LARGE_CHUNK_TOKENS)
        chunks = [self._padded([pieces[i] for i in chunk]) for chunk in _chunks(order, lengths, limit)]
        place = torch.from_numpy(np.argsort(order, kind="stable")).to(ids.device)
        return torch.cat(chunks)[place]

    def _padded(self, pieces: list[Tensor]) -> Tensor:
        padding = self.tokenizer.pad_token_id
        ids = nn.utils.rnn.pad_sequence(pieces, batch_first=True, padding_value=padding)
        sizes = torch.tensor([len(piece) for piece in pieces], device=ids.device)
        mask = (torch.arange(ids.shape[1], device=ids.device) < sizes[:, None]).long()
        hidden = self.backbone(input_ids=ids, attention_mask=mask).last_hidden_state
        pooled = pool(hidden, mask, self.pooling)
        return self.dense(pooled) if self.dense else pooled

    def encode(self, texts: Sequence[str], *, batch_size: int = 64, progress: bool = False) -> Vectors:
        """Vectors of texts, float32 (len(texts), dimension), in their order, without dropout."""
        return self.embed(*tokenize(self.tokenizer, texts, self.max_length), batch_size=batch_size, progress=progress)

    @torch.inference_mode()
    def embed(self, ids: Ints, offsets: Ints, *, batch_size: int = 64, progress: bool = False) -> Vectors:
        """Vectors of tokenised sentences (see tokens.TokenTable), float32 (sentences, dimension), without dropout."""
        order = np.argsort(-np.diff(offsets), kind="stable")
        vectors = np.zeros((len(order), self.dimension), np.float32)
        device = next(self.parameters()).device
        training = self.training
        self.eval()
        with tqdm(total=len(order), disable=not progress, unit="sentence") as bar:
            for first in range(0, len(order), batch_size):
                batch = order[first : first + batch_size]
                flat, lengths = gather(ids, offsets, batch)
                vectors[batch] = self(torch.from_numpy(flat).to(device), lengths.tolist()).float().cpu().numpy()
                bar.update(len(batch))
        self.train(training)
        return vectors


class DenseHead(nn.Module):
    """A linear map and its activation (`tanh` or `identity`): (sentences, in) → (sentences, out)."""

    def __init__(self, in_features: int, out_features: int, activation: str) -> None:
        super().__init__()
        self.linear = nn.Linear(in_features, out_features)
        self.activation = activation
        self.apply_activation = ACTIVATIONS[activation]()

    def forward(self, pooled: Tensor) -> Tensor:
        """Map pooled vectors."""
        result: Tensor = self.apply_activation(self.linear(pooled))
        return result


def pool(hidden: Tensor, mask: Tensor, pooling: str) -> Tensor:
    """Token vectors (sentences, tokens, width) and their mask (sentences, tokens) → (sentences, width)."""
    if pooling == "cls":
        return hidden[:, 0]
    inside = mask.unsqueeze(-1)
    if pooling == "max":
        return hidden.masked_fill(inside == 0, torch.finfo(hidden.dtype).min).amax(1)
    weights = inside.to(hidden.dtype)
    return (hidden * weights).sum(1) / weights.sum(1).clamp(min=1e-9)


def _chunks(order: Any, counts: Sequence[int], limit: int) -> list[Any]:
    """Cut sentences, sorted by length, into runs of at most `limit` tokens when padded to their longest."""
    chunks, first = [], 0
    for last, sentence in enumerate(order):
        if last > first and (last - first + 1) * counts[sentence] > limit:
            chunks.append(order[first:last])
            first = last
    return [*chunks, order[first:]]
