"""The encoder: text → tokens → backbone → pooling → what follows it, and `encode(texts)`."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
from tqdm import tqdm
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from terna.arrays import Ints, Vectors
from terna.encoder.dropout import drawn_from, replace_dropout
from terna.encoder.head import through
from terna.encoder.linear import replace_linear
from terna.encoder.packing import Batch, Chunk, arrange, chunking
from terna.encoder.pooling import Pooling, pool, unpooled
from terna.encoder.pretrained import check_alone
from terna.encoder.threads import side_by_side
from terna.encoder.token_vectors import TokenVectors
from terna.encoder.usage import Usage
from terna.errors import ModelError, words_of
from terna.sentences import gather, tokenize
from terna.settings.plain_mode import is_plain


class Encoder(nn.Module):
    """Sentences to vectors.

    pooling: `mean` (over the sentence's own tokens), `cls` (the first token's vector), `max`, or a Pooling of several
    ways. head: the modules that map the pooled vector. max_length: tokens a sentence is cut to, its prompt's included.
    usage: prompts, and where vectors are cut. packed: compute no padding, where the backbone can. With TERNA_PLAIN=1
    nothing is packed, dropout is torch's own, and chunks are computed one after another.

    Raises ModelError when backbone, tokenizer and head do not fit each other.
    """

    def __init__(
        self,
        backbone: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        *,
        pooling: str | Pooling,
        max_length: int,
        head: Sequence[nn.Module] = (),
        usage: Usage | None = None,
        packed: bool = True,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.tokenizer = tokenizer
        self.pooling = Pooling((pooling,)) if isinstance(pooling, str) else pooling
        self.max_length = max_length
        self.head = nn.Sequential(*head)
        self.usage = usage or Usage()
        self.skip = 0 if self.pooling.include_prompt else self.usage.prompt_tokens(tokenizer, max_length)
        self.cached = self.sharded = False
        pooler = getattr(backbone, "pooler", None)
        if pooler is not None:  # it lies beside the path from tokens to our vector: no gradient ever reaches it
            pooler.requires_grad_(False)
        for part in (backbone, self.head):
            replace_dropout(part)
            replace_linear(part)
        check_alone(backbone.config, max_length, backbone.name_or_path or type(backbone).__name__)
        self.token_vectors = TokenVectors(backbone, tokenizer, packed=packed and not is_plain())
        self.dimension = self._dimension()
        self._draws_by_seed = self._draws()

    @classmethod
    def load(cls, folder: Path | str) -> "Encoder":
        """The encoder of a folder (models/encoder, or what sentence-transformers saved), ready to encode.

        Raises ModelError, by file and key, for what cannot be honoured.
        """
        from terna.encoder.saved import load  # it is made of encoders itself

        return load(Path(folder))

    @property
    def packed(self) -> bool:
        """Whether no padding is computed."""
        return self.token_vectors.packed

    def forward(self, batch: Batch, skip: int | None = None) -> Tensor:
        """Vectors (sentences, dimension) of a batch, in its order; each sentence begins with its prompt, if any.

        skip: tokens at the beginning of each that are not pooled; None: as the default prompt has it.
        """
        if self.token_vectors.settle(batch.place.device):
            self._draws_by_seed = self._draws()
        run = self._checkpointed if self.cached and torch.is_grad_enabled() else self._vectors
        run = run if skip is None else partial(run, skip=skip)
        workers = self._workers(batch)
        if workers:
            return side_by_side(batch.chunks, run, self.parameters(), workers)[batch.place]
        return torch.cat([run(chunk) for chunk in batch.chunks])[batch.place]

    def _workers(self, batch: Batch) -> int:
        """Threads that go through the backbone side by side, one or several with one dropout; 0: not to be shared."""
        compiled = self.backbone._compiled_call_impl is not None
        if (
            self.sharded
            or is_plain()
            or batch.place.device.type != "cpu"
            or compiled
            or (self.training and not self._draws_by_seed)
        ):
            return 0
        return min(torch.get_num_threads(), len(batch.chunks))

    def arrange(self, ids: Ints, lengths: Ints) -> Batch:
        """Sentences that lie one after another in `ids` (tokens,) as a batch for this encoder's device, on the host."""
        if self.sharded:  # gathered for each chunk: all processes must have as many
            return arrange(ids, lengths, max(1, len(ids)))
        return arrange(ids, lengths, *chunking(next(self.parameters()).device))

    def _vectors(self, chunk: Chunk, seed: int | None = None, skip: int | None = None) -> Tensor:
        skip = self.skip if skip is None else skip
        with drawn_from(seed):
            return self._finished(pool(self.token_vectors(chunk), chunk, self.pooling.modes, skip))

    def _finished(self, pooled: Tensor) -> Tensor:
        """What follows pooling."""
        vectors: Tensor = self.head(pooled)
        return vectors[:, : self.usage.truncate_dim]

    def _checkpointed(self, chunk: Chunk, seed: int | None = None, skip: int | None = None) -> Tensor:
        preserve = seed is None
        found: Tensor = checkpoint(self._vectors, chunk, seed, skip, use_reentrant=False, preserve_rng_state=preserve)
        return found

    @torch.no_grad()
    def _dimension(self) -> int:
        """Length of a sentence vector, by trying the head; ModelError for modules that do not fit each other."""
        vectors = through(self.head, self._unpooled(1), self.token_vectors.where)
        return int(vectors[:, : self.usage.truncate_dim].shape[-1])

    @torch.no_grad()
    def _draws(self) -> bool:
        """Whether all dropout is ours, which draws from a seed: what draws otherwise is not for several threads."""
        with torch.random.fork_rng(devices=[]), drawn_from(0), self._rehearsing():
            before = torch.get_rng_state()
            try:
                self.token_vectors(self.token_vectors.probe.to(self.backbone.device))
                self.head(self._unpooled(1))
            except Exception as error:  # whatever a model does that is made for texts of one length
                raise ModelError(
                    f"{self.token_vectors.where}: {self.token_vectors.name} gives no vectors while training: "
                    f"{words_of(error)}; give another backbone"
                ) from error
            return torch.equal(before, torch.get_rng_state())

    @torch.no_grad()
    def drops(self) -> bool:
        """Whether dropout makes two passes of the same tokens unlike while training."""
        probe = self.token_vectors.probe.to(self.backbone.device)
        with torch.random.fork_rng(devices=[]), self._rehearsing():
            one, other = (self._vectors(probe, seed) for seed in range(2))
        return not torch.equal(one, other)

    @contextmanager
    def _rehearsing(self) -> Iterator[None]:
        """Within it modules are in training mode; what some of them count up then (I-BERT its ranges) is undone."""
        training = self.training
        kept = [
            (module, name, each, each.clone())
            for module in self.backbone.modules()
            for name, each in module.named_buffers(recurse=False)
        ]
        self.train()
        try:
            yield
        finally:
            self.train(training)
            for module, name, each, before in kept:
                setattr(module, name, each.copy_(before))

    def _unpooled(self, count: int) -> Tensor:
        """What pooling no token at all gives, `count` times."""
        width = self.token_vectors.width * len(self.pooling.modes)
        return torch.zeros(count, width, device=self.backbone.device, dtype=self.backbone.dtype)

    def encode(
        self, texts: Sequence[str], *, prompt: str | None = None, batch_size: int = 256, progress: bool = False
    ) -> Vectors:
        """Vectors of texts, float32 (len(texts), dimension), in their order, without dropout; equal texts once.

        prompt: what is put before each of them; None: the default prompt of `usage`. Raises ModelError for one that
        leaves no room for the text.
        """
        places = {text: place for place, text in enumerate(dict.fromkeys(texts))}
        before = self.usage.prompt if prompt is None else prompt
        skip = None if prompt is None else self.usage.skip(self.pooling, self.tokenizer, self.max_length, prompt)
        ids, offsets = tokenize(self.tokenizer, [before + text for text in places], self.max_length)
        vectors = self.embed(ids, offsets, skip=skip, batch_size=batch_size, progress=progress)
        return vectors[[places[text] for text in texts]]

    def embed(
        self, ids: Ints, offsets: Ints, *, skip: int | None = None, batch_size: int = 256, progress: bool = False
    ) -> Vectors:
        """Vectors of tokenised sentences (see tokens.TokenTable), float32 (sentences, dimension), without dropout.

        skip: see `forward`. Raises ModelError for a sentence without a token where pooling is not defined for none.
        """
        # what is gathered in inference mode could not be trained with
        with torch.inference_mode(not self.sharded), torch.no_grad():
            return self._embedded(ids, offsets, skip, batch_size, progress)

    def _embedded(self, ids: Ints, offsets: Ints, skip: int | None, batch_size: int, progress: bool) -> Vectors:
        lengths = np.diff(offsets)
        order = np.argsort(-lengths, kind="stable")
        empty = unpooled(lengths, self.pooling.modes, self.skip if skip is None else skip)
        vectors = np.zeros((len(order), self.dimension), np.float32)
        device = next(self.parameters()).device
        training = self.training
        self.eval()
        order = order[~empty[order]]
        with tqdm(total=len(order), disable=not progress, unit="sentence") as bar:
            for first in range(0, len(order), batch_size):
                batch = order[first : first + batch_size]
                arranged = self.arrange(*gather(ids, offsets, batch)).to(device)
                vectors[batch] = self(arranged, skip).float().cpu().numpy()
                bar.update(len(batch))
        if empty.any():  # last, for shards are first gathered by `forward`
            vectors[empty] = self._finished(self._unpooled(int(empty.sum()))).float().cpu().numpy()
        self.train(training)
        return vectors
