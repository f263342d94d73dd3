"""How an encoder's vectors are meant to be made and compared: config_sentence_transformers.json."""

from dataclasses import asdict, dataclass, field
from pathlib import Path

from transformers import PreTrainedTokenizerBase

from terna.encoder.keys import Keys
from terna.encoder.pooling import Pooling
from terna.errors import ModelError, words_of
from terna.records import write_json
from terna.sentences import Prompts
from terna.settings import Prompts as Declared

FILE = "config_sentence_transformers.json"
# what the prompt of documents may be called, the first that says something counts, as in sentence-transformers
DOCUMENT = ("document", "passage", "corpus")
SIMILARITIES = ("cosine", "dot", "euclidean", "manhattan")


@dataclass(frozen=True)
class Usage:
    """Fields are named as in the file.

    prompts: what is put before a text, by names. default_prompt_name: the one that is put before every text; None for
    none. similarity_fn_name: what vectors are meant to be compared by. truncate_dim: numbers that are kept of a vector.
    """

    prompts: dict[str, str] = field(default_factory=dict)
    default_prompt_name: str | None = None
    similarity_fn_name: str = "cosine"
    truncate_dim: int | None = None

    @classmethod
    def read(cls, folder: Path) -> "Usage":
        """What the folder's file says, if it has one; ModelError, by file and key, for what cannot be honoured."""
        keys = Keys.read(folder / FILE)
        keys.take("__version__", dict, None)
        keys.only("model_type", "SentenceTransformer")
        keys.only("requirements", None, {})
        prompts = {name: text or "" for name, text in (keys.take("prompts", dict, None) or {}).items()}
        if wrong := [name for name, text in prompts.items() if not isinstance(text, str)]:
            raise keys.refused(f"prompts.{wrong[0]}", prompts[wrong[0]], "a text is expected")
        name = keys.take("default_prompt_name", str, None)
        # these two every encoder has, empty where the file does not say
        if name is not None and name not in {*prompts, "query", "document"}:
            raise keys.refused("default_prompt_name", name, f"the prompts are {', '.join(prompts) or 'none'}")
        similarity = keys.take("similarity_fn_name", str, None) or "cosine"
        if similarity not in SIMILARITIES:
            raise keys.refused("similarity_fn_name", similarity, f"one of {', '.join(SIMILARITIES)} is expected")
        found = cls(prompts, name, similarity, keys.size("truncate_dim", None))
        keys.end()
        return found

    @classmethod
    def of(cls, declared: Declared) -> "Usage":
        """The prompts of the settings, under sentence-transformers' names."""
        return cls({"query": declared.query, "document": declared.document}, declared.default)

    def write(self, folder: Path) -> None:
        """Write the file that `read` reads."""
        settings = asdict(self)
        if self.truncate_dim is None:
            del settings["truncate_dim"]
        write_json(settings, folder / FILE)

    @property
    def prompt(self) -> str:
        """What is put before a text of which nothing else is said."""
        return "" if self.default_prompt_name is None else self.prompts.get(self.default_prompt_name, "")

    @property
    def sides(self) -> Prompts:
        """What is put before each kind of text; queries and documents without a prompt of their own have none."""
        documents = (self.prompts[name] for name in DOCUMENT if self.prompts.get(name))
        return Prompts(self.prompts.get("query", ""), next(documents, ""), self.prompt)

    def named(self, name: str) -> str:
        """The prompt of this name; ModelError, with the names there are, if none has it."""
        if name not in self.prompts:
            names = ", ".join(self.prompts) or "no names: it has no prompts"
            raise ModelError(f"no prompt of the model is named {name!r}; there are {names}")
        return self.prompts[name]

    def prompt_tokens(self, tokenizer: PreTrainedTokenizerBase, max_length: int, prompt: str | None = None) -> int:
        """Tokens of a prompt, None for the default one, at the beginning of each text.

        Raises ModelError when they leave no room for the text.
        """
        text = self.prompt if prompt is None else prompt
        if not text:
            return 0
        ids = tokenizer([text], truncation=True, max_length=max_length)["input_ids"][0]
        if len(ids) == max_length:
            named = f"default_prompt_name: {self.default_prompt_name!r}" if prompt is None else f"the prompt {text!r}"
            raise ModelError(f"{words_of(named)}, but texts are cut to its {max_length} tokens; give a shorter one")
        return len(ids) - any(last in tokenizer.all_special_ids for last in ids[-1:])

    def skip(self, pooling: Pooling, tokenizer: PreTrainedTokenizerBase, max_length: int, prompt: str) -> int:
        """Tokens of a prompt that are not pooled; ModelError when they leave no room for the text, pooled or not."""
        tokens = self.prompt_tokens(tokenizer, max_length, prompt)
        return 0 if pooling.include_prompt else tokens
