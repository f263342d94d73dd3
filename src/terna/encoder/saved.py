"""The folder of an encoder, as sentence-transformers 2 to 6 have it: read and written here alone."""

import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tokenizers import normalizers
from torch import nn
from transformers import PreTrainedTokenizerBase

from terna.encoder import keys, pretrained
from terna.encoder.backbone import positions
from terna.encoder.head import KINDS, read_module, write_module
from terna.encoder.keys import Keys
from terna.encoder.network import Encoder
from terna.encoder.pooling import Pooling
from terna.encoder.usage import Usage
from terna.errors import ModelError
from terna.records import sync, write_json

LISTED = "modules.json"
# what the settings of the transformer's module may be called: the first of them that says something counts
SETTINGS = tuple(
    f"sentence_{kind}_config.json"
    for kind in ("bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet")
)
# where sentence-transformers keeps its modules, by version; the first is what each of them reads
ROOMS = (
    "sentence_transformers.models",
    "sentence_transformers.base.modules",
    "sentence_transformers.sentence_transformer.modules",
)
# which are of no account where they are empty, or say no more than that no code is to run
ARGUMENTS = tuple(
    f"{part}_{kind}" for part in ("model", "tokenizer", "processor", "config") for kind in ("args", "kwargs")
)
TEXT = {"method": "forward", "method_output_name": "last_hidden_state"}


@dataclass(frozen=True)
class Saved:
    """What a folder says of an encoder, less its backbone's weights.

    transformer: the folder of the backbone and its tokenizer. max_length: tokens
    a text is cut to; None: what the tokenizer says. lower: texts are lower-cased. head: the modules after pooling.
    listed: the folder lists its modules; one that does not is a transformers model.
    """

    transformer: Path
    pooling: Pooling
    head: tuple[nn.Module, ...] = ()
    usage: Usage = field(default_factory=Usage)
    max_length: int | None = None
    lower: bool = False
    listed: bool = True

    @classmethod
    def read(cls, folder: Path) -> "Saved":
        """Read a folder; ModelError, by file and key, for what cannot be honoured."""
        if not (folder / LISTED).is_file():
            return cls(folder, _default_pooling(folder), listed=False)
        modules = _modules(folder)
        kinds = [kind for kind, _ in modules]
        if kinds[:2] != ["Transformer", "Pooling"] or not set(kinds[2:]) <= set(KINDS):
            raise ModelError(
                f"{folder / LISTED}: modules {', '.join(kinds)}; Transformer, Pooling and then any of "
                f"{', '.join(KINDS)} can be read. {keys.REMEDY}"
            )
        (_, transformer), (_, pooling), *after = modules
        max_length, lower = _transformer(transformer)
        head = tuple(read_module(kind, place) for kind, place in after)
        return cls(transformer, Pooling.read(pooling), head, Usage.read(folder), max_length, lower)

    def tokenizer(self) -> PreTrainedTokenizerBase:
        """The tokenizer, lower-casing where the folder says so; ModelError when it cannot be used."""
        found = pretrained.read_tokenizer(str(self.transformer))
        if not self.listed and found.chat_template:
            raise ModelError(
                f"{self.transformer}: a chat model without {LISTED}: its tokenizer's chat_template would be put around "
                "each text; save it with sentence-transformers and a Pooling of its own"
            )
        if any(found("a").get("token_type_ids", [])):
            raise ModelError(f"{self.transformer}: its tokenizer gives a sentence token types above 0, as XLNet's does")
        if self.lower:
            self._lower(found)
        return found

    def _lower(self, tokenizer: Any) -> None:
        """Lower-case before all else, as sentence-transformers does, unless the tokenizer does so."""
        if not tokenizer.is_fast:
            raise ModelError(f"{self.transformer}: do_lower_case, but its tokenizer has no tokenizer.json to add it to")
        backend = tokenizer.backend_tokenizer
        own: Any = backend.normalizer
        joined = isinstance(own, normalizers.Sequence)
        steps = list(own) if joined else [own] if own else []
        if not any(isinstance(step, normalizers.Lowercase) for step in steps):
            backend.normalizer = normalizers.Sequence([normalizers.Lowercase(), *steps])


def load(folder: Path) -> Encoder:
    """Read a folder that `save`, sentence-transformers or transformers wrote.

    One of transformers is pooled as sentence-transformers does: a decoder by its last token, others by the mean. Raises
    ModelError, by file and key, for what cannot be honoured.
    """
    saved = Saved.read(folder)
    tokenizer = saved.tokenizer()
    backbone = pretrained.read_backbone(str(saved.transformer))
    limit = positions(backbone)
    if saved.max_length is not None and saved.max_length > limit:
        raise ModelError(f"{saved.transformer}: max_seq_length {saved.max_length}, but {limit} positions; lower it")
    encoder = Encoder(
        backbone,
        tokenizer,
        pooling=saved.pooling,
        max_length=saved.max_length or min(tokenizer.model_max_length, limit),
        head=saved.head,
        usage=saved.usage,
    )
    stated, width = saved.pooling.width, encoder.token_vectors.width
    if stated not in (None, width):
        raise ModelError(
            f"{folder}: Pooling's embedding_dimension is {stated}, but a token's vector has {width} numbers"
        )
    return encoder.eval()


def save(encoder: Encoder, folder: Path) -> None:
    """Write `encoder` as `folder`, in place of what was there, whole or not at all."""
    beside = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    try:
        _write(encoder, beside)
        for path in [*beside.rglob("*"), beside]:
            sync(path)
        shutil.rmtree(folder, ignore_errors=True)
        beside.rename(folder)
        sync(folder.parent)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def save_tokenizer(tokenizer: Any, folder: Path, max_length: int) -> None:
    """Write a tokenizer whose `truncation=True` cuts at max_length, without the state of its last call."""
    tokenizer.model_max_length = max_length
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.backend_tokenizer.no_padding()
    tokenizer.save_pretrained(folder)


def _write(encoder: Encoder, folder: Path) -> None:
    """In the form that every version of sentence-transformers reads, wherever it can say what is to be said."""
    encoder.backbone.save_pretrained(folder, safe_serialization=True)
    save_tokenizer(encoder.tokenizer, folder, encoder.max_length)
    after = [(f"{number}_{type(module).__name__}", module) for number, module in enumerate(encoder.head, start=2)]
    modules = [
        ("", "Transformer"),
        ("1_Pooling", "Pooling"),
        *((path, type(module).__name__) for path, module in after),
    ]
    described = [
        {"idx": i, "name": str(i), "path": path, "type": f"{ROOMS[0]}.{kind}"} for i, (path, kind) in enumerate(modules)
    ]
    write_json(described, folder / LISTED)
    write_json({"max_seq_length": encoder.max_length, "do_lower_case": False}, folder / SETTINGS[0])
    encoder.usage.write(folder)
    encoder.pooling.write(folder / "1_Pooling", encoder.token_vectors.width)
    for path, module in after:
        write_module(module, folder / path)


def _modules(folder: Path) -> list[tuple[str, Path]]:
    """The kind and the folder of each module, in order; of one of somebody else, its whole type."""
    path = folder / LISTED
    listed = keys.read(path)
    if not isinstance(listed, list):
        raise ModelError(f"{path}: a list of modules is expected; {keys.REMEDY}")
    found = []
    for entry in listed:
        module = Keys(path, entry)
        kind, place = module.take("type", str, ""), module.take("path", str, "")
        module.only("kwargs", None, [], {})
        if Path(place).is_absolute() or ".." in Path(place).parts:
            raise module.refused("path", place, "a folder inside this one is expected")
        own = re.fullmatch(rf"({'|'.join(map(re.escape, ROOMS))})\.(\w+\.)?(?P<kind>\w+)", kind)
        found.append((own["kind"] if own else kind, folder / place))
    return found


def _transformer(folder: Path) -> tuple[int | None, bool]:
    """Where texts are cut, None if that is left to the tokenizer, and whether they are lower-cased."""
    files = [folder / name for name in SETTINGS]
    settings = next((each for file in files if (each := Keys.read(file)).left), Keys(files[0], {}))
    settings.only("transformer_task", "feature-extraction")
    settings.only("module_output_name", "token_embeddings")
    # speed alone
    settings.take("unpad_inputs", bool, None)
    for key in ("tokenizer_name_or_path", "query_length", "document_length", "query_expansion"):
        settings.only(key, None)
    for key in (*ARGUMENTS, "processing_kwargs"):
        settings.only(key, None, {}, {"trust_remote_code": True}, {"trust_remote_code": False})
    modalities = settings.take("modality_config", dict, {"text": TEXT})
    if modalities.get("text") != TEXT or "message" in modalities:
        raise settings.refused("modality_config", modalities, f"text: {TEXT} is expected, and no message")
    found = settings.size("max_seq_length", None), settings.take("do_lower_case", bool, False)
    settings.end()
    return found


def _default_pooling(folder: Path) -> Pooling:
    """How sentence-transformers pools a transformers model that says nothing of it."""
    if not (folder / "config.json").is_file():
        raise ModelError(f"{folder}: no {LISTED}; not an encoder's folder. Run the train stage (dvc repro)")
    config = pretrained.read_config(str(folder))
    decodes = (config.architectures or [""])[0].endswith("ForCausalLM") and getattr(config, "is_causal", True)
    return Pooling(("lasttoken" if decodes else "mean",))
