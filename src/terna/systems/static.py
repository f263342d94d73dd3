"""A table of token vectors, whose mean is a text's vector: the folders of sentence-transformers' StaticEmbedding."""

from collections.abc import Sequence
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn.functional import embedding_bag

from terna.arrays import Vectors
from terna.encoder.head import KINDS, read_module, write_module
from terna.encoder.keys import REMEDY
from terna.encoder.pretrained import UNKNOWN
from terna.encoder.saved import LISTED, PACKAGES, modules
from terna.encoder.usage import Usage
from terna.encoder.weights import WHOLE, check_values, numbers
from terna.errors import ModelError, words_of
from terna.records import write_json

KIND = "StaticEmbedding"
TOKENIZER = "tokenizer.json"
# what sentence-transformers and model2vec call the table
TABLES = ("embedding.weight", "embeddings")
# what sentence-transformers reads it in
FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
# texts that are held as tokens at once
CHUNK = 8192


class StaticEncoder:
    """Texts to vectors on the CPU: the mean of their tokens' rows of a table, then the modules of `head`.

    table: (tokens, width) float32. head: modules of terna.encoder.head. A text without a token has the mean zero.
    """

    def __init__(
        self, table: Tensor, tokenizer: Tokenizer, head: Sequence[nn.Module] = (), usage: Usage | None = None
    ) -> None:
        self.table = table
        self.tokenizer = tokenizer
        self.tokenizer.no_padding()
        self.head = nn.Sequential(*head).eval()
        self.usage = usage or Usage()
        self.dimension = int(self._finished(torch.zeros(1, table.shape[1])).shape[1])

    @classmethod
    def load(cls, folder: Path | str) -> "StaticEncoder":
        """Read what `save` or sentence-transformers wrote; ModelError, by file and key, for what cannot be honoured."""
        listed = modules(Path(folder))
        kinds = [kind for kind, _ in listed]
        if kinds[:1] != [KIND] or not set(kinds[1:]) <= set(KINDS):
            raise ModelError(
                f"{Path(folder) / LISTED}: modules {', '.join(kinds)}; {KIND} and then any of {', '.join(KINDS)} can "
                f"be read. {REMEDY}"
            )
        (_, place), *after = listed
        tokenizer, table = _tokenizer(place / TOKENIZER), _table(place / WHOLE)
        if (most := max(tokenizer.get_vocab().values(), default=0)) >= len(table):
            raise ModelError(
                f"{place / WHOLE}: {len(table)} rows, but {TOKENIZER} has a token {most}; get the folder again"
            )
        head = [read_module(kind, where) for kind, where in after]
        try:
            return cls(table, tokenizer, head, Usage.read(Path(folder)))
        except (RuntimeError, ValueError, IndexError) as error:  # of torch's modules, whatever does not fit
            raise ModelError(f"{folder}: its modules do not fit each other: {words_of(error)}; {REMEDY}") from error

    def save(self, folder: Path) -> None:
        """Write what `load` and sentence-transformers read into `folder`, which is made."""
        after = [(f"{number}_{type(module).__name__}", module) for number, module in enumerate(self.head, start=1)]
        listed = [("", KIND), *((path, type(module).__name__) for path, module in after)]
        write_json(
            [
                {"idx": i, "name": str(i), "path": path, "type": f"{PACKAGES[0]}.{kind}"}
                for i, (path, kind) in enumerate(listed)
            ],
            folder / LISTED,
        )
        for path, module in after:
            write_module(module, folder / path)
        self.usage.write(folder)
        self.tokenizer.save(str(folder / TOKENIZER))
        save_file({TABLES[0]: self.table.contiguous()}, folder / WHOLE)

    def encode(self, texts: Sequence[str], *, prompt: str | None = None) -> Vectors:
        """Vectors of texts, float32 (len(texts), dimension), in their order; prompt: see Encoder, its tokens count."""
        before = self.usage.prompt if prompt is None else prompt
        found = np.zeros((len(texts), self.dimension), np.float32)
        for first in range(0, len(texts), CHUNK):
            chunk = [before + text for text in texts[first : first + CHUNK]]
            found[first : first + CHUNK] = self._finished(self._means(chunk)).numpy()
        return found

    def _means(self, texts: list[str]) -> Tensor:
        rows = [each.ids for each in self.tokenizer.encode_batch_fast(texts, add_special_tokens=False)]
        ids = np.fromiter(chain.from_iterable(rows), np.int64)
        starts = np.cumsum([0, *map(len, rows)])[:-1]
        return embedding_bag(torch.from_numpy(ids), self.table, torch.from_numpy(starts), mode="mean")

    @torch.inference_mode()
    def _finished(self, means: Tensor) -> Tensor:
        vectors: Tensor = self.head(means)
        return vectors[:, : self.usage.truncate_dim]


def is_static(path: Path) -> bool:
    """Whether `path` is a folder whose first module is a table of token vectors; ModelError for a damaged list."""
    return (path / LISTED).is_file() and [kind for kind, _ in modules(path)][:1] == [KIND]


def _tokenizer(file: Path) -> Tokenizer:
    try:
        tokenizer = Tokenizer.from_file(str(file))
        tokenizer.encode(UNKNOWN)
    except Exception as error:  # the library raises nothing narrower
        raise ModelError(f"{file}: cannot be used ({error}); get the folder again") from error
    return tokenizer


def _table(file: Path) -> Tensor:
    """The table in float32, whatever it is stored in."""
    if not file.is_file():
        raise ModelError(f"{file}: not there; save the encoder again with sentence-transformers 3.2 or later")
    numbers(file)  # refuses a file that is cut off, with its sizes
    try:
        given = load_file(file)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{file}: {words_of(error)}; get the folder again") from error
    if len(given) != 1 or not set(given) <= set(TABLES) or next(iter(given.values())).dim() != 2:
        raise ModelError(
            f"{file}: {', '.join(sorted(given)) or 'no weights'}; one matrix, {' or '.join(TABLES)}, can be read. "
            "Distil it again without vocabulary_quantization"
        )
    ((name, table),) = given.items()
    if table.dtype not in FLOATS:
        raise ModelError(
            f"{file}: {name} of {table.dtype}, but one of {', '.join(map(str, FLOATS))} is expected; distil it again "
            "in one of them"
        )
    check_values(file, given.items())
    return table.to(torch.float32)
