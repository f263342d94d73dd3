"""How texts become tokens: what a folder says beside its tokenizer, in sentence_bert_config.json."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import normalizers
from transformers import PreTrainedTokenizerBase

from terna.encoder.keys import Keys
from terna.encoder.pretrained import TOKENIZER, read_tokenizer, readable
from terna.errors import ModelError
from terna.records import write_json

# what the file may be called: the first of them that says something counts
FILES = tuple(
    f"sentence_{kind}_config.json"
    for kind in ("bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet")
)
# which are of no account where they are empty, or say no more than that no code is to run
ARGUMENTS = tuple(
    f"{part}_{kind}" for part in ("model", "tokenizer", "processor", "config") for kind in ("args", "kwargs")
)
# tokens of a text that no table of positions limits
UNLIMITED = 2**31
TEXT = {"method": "forward", "method_output_name": "last_hidden_state"}


@dataclass(frozen=True)
class Texts:
    """What is done to texts.

    folder: of the tokenizer. max_length: tokens a text is cut to; None: what the tokenizer says. lower: they are
    lower-cased.
    """

    folder: Path
    max_length: int | None = None
    lower: bool = False

    @classmethod
    def read(cls, folder: Path) -> "Texts":
        """What the transformer's folder says; ModelError, by file and key, for what cannot be honoured."""
        files = [folder / name for name in FILES]
        keys = next((each for file in files if (each := Keys.read(file)).left), Keys(files[0], {}))
        keys.only("transformer_task", "feature-extraction")
        keys.only("module_output_name", "token_embeddings")
        # speed alone
        keys.take("unpad_inputs", bool, None)
        for key in ("tokenizer_name_or_path", "query_length", "document_length", "query_expansion"):
            keys.only(key, None)
        for key in (*ARGUMENTS, "processing_kwargs"):
            keys.only(key, None, {}, {"trust_remote_code": True}, {"trust_remote_code": False})
        modalities = keys.take("modality_config", dict, {"text": TEXT})
        if modalities.get("text") != TEXT or "message" in modalities:
            raise keys.refused("modality_config", modalities, f"text: {TEXT} is expected, and no message")
        found = cls(folder, keys.size("max_seq_length", None), keys.take("do_lower_case", bool, False))
        keys.end()
        return found

    @staticmethod
    def write(folder: Path, max_length: int) -> None:
        """Write the file that `read` reads, beside a tokenizer that lower-cases by itself, if that is to be."""
        write_json({"max_seq_length": max_length, "do_lower_case": False}, folder / FILES[0])

    def length(self, tokenizer: PreTrainedTokenizerBase, limit: int = UNLIMITED) -> int:
        """Tokens a text is cut to, by a backbone of `limit` positions; ModelError when more or too few are stated."""
        if self.max_length is not None and self.max_length > limit:
            raise ModelError(f"{self.folder}: max_seq_length: {self.max_length}, but {limit} positions; lower it")
        own = self.max_length or tokenizer.model_max_length
        least = max(1, tokenizer.num_special_tokens_to_add())  # a tokenizer without room for them cuts nothing
        if not isinstance(own, (int, float)) or not own >= least:
            file = self.folder / "tokenizer_config.json"
            key = f"{self.folder}: max_seq_length" if self.max_length else f"{file}: model_max_length"
            raise ModelError(f"{key}: {own!r}, but {least} or more is expected; raise it")
        return int(min(own, limit))

    def tokenizer(self) -> PreTrainedTokenizerBase:
        """The tokenizer, lower-casing where the folder says so; ModelError when it cannot be used."""
        found = read_tokenizer(str(self.folder))
        with readable(str(self.folder), *TOKENIZER):
            typed = any(found("a").get("token_type_ids", []))
        if typed:
            raise ModelError(f"{self.folder}: its tokenizer gives a sentence token types above 0, as XLNet's does")
        if self.lower:
            self._lower(found)
        return found

    def _lower(self, tokenizer: Any) -> None:
        """Lower-case before all else, as sentence-transformers does, unless the tokenizer does so."""
        if not tokenizer.is_fast:
            raise ModelError(f"{self.folder}: do_lower_case, but its tokenizer has no tokenizer.json to add it to")
        backend = tokenizer.backend_tokenizer
        own: Any = backend.normalizer
        joined = isinstance(own, normalizers.Sequence)
        steps = list(own) if joined else [own] if own else []
        if not any(isinstance(step, normalizers.Lowercase) for step in steps):
            backend.normalizer = normalizers.Sequence([normalizers.Lowercase(), *steps])
