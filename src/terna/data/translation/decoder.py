"""Token ids of a few sentences → the text that the model makes of them."""

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from transformers import GenerationConfig, PreTrainedModel

from terna.arrays import Ints
from terna.data.translation.checkpoint import Checkpoint, load_model, load_tokenizer
from terna.errors import ModelError
from terna.settings import Translator


class Output(NamedTuple):
    """A sentence's translation, unchanged, and whether the model ended it before its last token."""

    text: str
    ended: bool


@dataclass(frozen=True)
class Recipe:
    """All that a process must know to translate: checkpoint, settings, and the token of the target language."""

    checkpoint: Checkpoint
    settings: Translator
    forced_bos: int | None


class Decoder:
    """A model on a device: token ids in, translations out."""

    def __init__(self, recipe: Recipe, device: str) -> None:
        """Load the model; ModelError when it cannot be."""
        self._device = device
        self._limit = recipe.settings.max_length
        self._tokenizer = load_tokenizer(recipe.checkpoint)
        self._model: Any = load_model(recipe.checkpoint, recipe.settings.precision, device)
        self._model.generation_config = decoding(self._model, recipe)

    @torch.inference_mode()
    def __call__(self, rows: Sequence[Ints]) -> list[Output]:
        """Translate sentences, each given as its token ids; ModelError when memory does not suffice."""
        ids, mask = _padded(rows, int(self._tokenizer.pad_token_id))
        try:
            made = self._model.generate(input_ids=ids.to(self._device), attention_mask=mask.to(self._device)).cpu()
        except torch.OutOfMemoryError as error:
            raise ModelError(
                f"translate.model.batch_tokens: {len(rows)} sentences of {ids.shape[1]} tokens are too many for "
                f"{self._device} ({error}); lower it"
            ) from error
        texts = self._tokenizer.batch_decode(made, skip_special_tokens=True)
        return [Output(text, ended) for text, ended in zip(texts, self._ended(made), strict=True)]

    def _ended(self, made: torch.Tensor) -> list[bool]:
        """Whether each row ends before the last token it may have: there, a checkpoint may force an end."""
        marks = torch.tensor(self._model.generation_config.eos_token_id).reshape(-1)
        ended: list[bool] = torch.isin(made[:, 1 : self._limit], marks).any(1).tolist()
        return ended


def decoding(model: PreTrainedModel, recipe: Recipe) -> GenerationConfig:
    """The checkpoint's generation settings with beams and length as set, and nothing drawn at random."""
    config = copy.deepcopy(model.generation_config)
    settings = recipe.settings
    config.num_beams, config.num_return_sequences, config.do_sample = settings.beams, 1, False
    config.max_new_tokens, config.max_length = settings.max_length, None
    # transformers warns of what does nothing here
    config.temperature = config.top_k = config.top_p = None
    if settings.beams == 1:
        config.early_stopping = config.length_penalty = None
    if recipe.forced_bos is not None:
        config.forced_bos_token_id = recipe.forced_bos
    return config


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread in torch's operations: with several, sums come out differently by their number."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _padded(rows: Sequence[Ints], padding: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and attention mask, (rows, longest row), padded on the right."""
    tensors = [torch.from_numpy(row.astype("int64")) for row in rows]
    ids = torch.nn.utils.rnn.pad_sequence(tensors, batch_first=True, padding_value=padding)
    lengths = torch.tensor([len(row) for row in rows])
    return ids, (torch.arange(ids.shape[1]) < lengths[:, None]).long()
