"""The folder of an encoder, as sentence-transformers 2 to 6 have it: read and written here alone."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedTokenizerBase

from terna.encoder import keys, pretrained
from terna.encoder.backbone import positions
from terna.encoder.head import KINDS, read_module, through, write_module
from terna.encoder.keys import Keys
from terna.encoder.network import Encoder
from terna.encoder.pooling import Pooling
from terna.encoder.texts import Texts
from terna.encoder.usage import Usage
from terna.errors import ModelError
from terna.records import replacing_folder, write_json

LISTED = "modules.json"
# nothing; words, marks, a number, and characters of which no vocabulary has an entry
TRIED = ("", f"¿El señor pagó 3,50 €? {pretrained.UNKNOWN}")
# bytes that file systems allow a name
LONGEST = 255
# where sentence-transformers keeps its modules, by version; the first is what each of them reads
PACKAGES = (
    "sentence_transformers.models",
    "sentence_transformers.base.modules",
    "sentence_transformers.sentence_transformer.modules",
)


@dataclass(frozen=True)
class Saved:
    """What a folder says of an encoder, less its backbone's weights.

    texts: how they become tokens, and the folder of the backbone and its tokenizer. head: the modules after pooling.
    modules: the kind and the folder of each that the folder lists, in order; of a transformers model, none.
    """

    texts: Texts
    pooling: Pooling
    head: tuple[nn.Module, ...] = ()
    usage: Usage = field(default_factory=Usage)
    modules: tuple[tuple[str, Path], ...] = ()

    @classmethod
    def read(cls, folder: Path) -> "Saved":
        """Read a folder; ModelError, by file and key, for what cannot be honoured."""
        if not (folder / LISTED).exists():
            return cls(Texts(folder), _default_pooling(folder))
        listed = modules(folder)
        kinds = [kind for kind, _ in listed]
        if kinds[:2] != ["Transformer", "Pooling"] or not set(kinds[2:]) <= set(KINDS):
            raise ModelError(
                f"{folder / LISTED}: modules {', '.join(kinds)}; Transformer, Pooling and then any of "
                f"{', '.join(KINDS)} can be read. {keys.REMEDY}"
            )
        (_, transformer), (_, pooling), *after = listed
        head = tuple(read_module(kind, place) for kind, place in after)
        return cls(Texts.read(transformer), Pooling.read(pooling), head, Usage.read(folder), tuple(listed))

    @property
    def dimension(self) -> int:
        """Numbers of a sentence vector; ModelError where the folder does not state those of a token's."""
        if self.pooling.width is None:
            raise ModelError(f"{self.texts.folder}: its Pooling states no embedding_dimension; save the encoder again")
        with torch.no_grad():
            pooled = torch.zeros(1, self.pooling.width * len(self.pooling.modes))
            vectors = through(self.head, pooled, self.texts.folder)
        return int(vectors[:, : self.usage.truncate_dim].shape[-1])

    def check_width(self, width: int) -> None:
        """Raise ModelError where the folder states another width of a token's vector."""
        if self.pooling.width not in (None, width):
            raise ModelError(
                f"{self.texts.folder}: Pooling's embedding_dimension is {self.pooling.width}, but a token's vector has "
                f"{width} numbers; get the folder again"
            )

    def tokenizer(self) -> PreTrainedTokenizerBase:
        """The tokenizer; ModelError when it cannot be used."""
        found = self.texts.tokenizer()
        if not self.modules and found.chat_template:
            raise ModelError(
                f"{self.texts.folder}: a chat model without {LISTED}: its chat_template would be put around each "
                "text; save it with sentence-transformers and a Pooling of its own"
            )
        return found


def load(folder: Path) -> Encoder:
    """Read a folder that `save`, sentence-transformers or transformers wrote.

    One of transformers is pooled as sentence-transformers does: a decoder by its last token, others by the mean. Raises
    ModelError, by file and key, for what cannot be honoured.
    """
    saved = Saved.read(folder)
    tokenizer = saved.tokenizer()
    backbone = pretrained.read_backbone(str(saved.texts.folder))
    encoder = Encoder(
        backbone,
        tokenizer,
        pooling=saved.pooling,
        max_length=saved.texts.length(tokenizer, positions(backbone)),
        head=saved.head,
        usage=saved.usage,
    )
    saved.check_width(encoder.token_vectors.width)
    return encoder.eval()


def save(encoder: Encoder, folder: Path) -> None:
    """Write `encoder` as `folder`, in place of what was there, whole or not at all."""
    with replacing_folder(folder) as beside:
        _write(encoder, beside)


def save_tokenizer(tokenizer: Any, folder: Path, max_length: int) -> None:
    """Write a tokenizer whose `truncation=True` cuts at max_length, without the state of its last call.

    Raises ModelError where transformers reads what it has written as a tokenizer that gives other ids.
    """
    tokenizer.model_max_length = max_length
    if tokenizer.is_fast:
        tokenizer.backend_tokenizer.no_truncation()
        tokenizer.backend_tokenizer.no_padding()
    tokenizer.save_pretrained(folder)
    again = pretrained.read_tokenizer(str(folder))
    found, expected = ([each(text, truncation=True)["input_ids"] for text in TRIED] for each in (again, tokenizer))
    if found != expected:
        raise ModelError(
            f"{tokenizer.name_or_path}: its tokenizer gives other ids once transformers has written it and read it "
            "again; give a backbone with a tokenizer.json"
        )


def _write(encoder: Encoder, folder: Path) -> None:
    """In the form that every version of sentence-transformers reads, wherever it can say what is to be said."""
    with pretrained.without_bars(of=str(folder)):
        encoder.backbone.save_pretrained(folder, safe_serialization=True)
    save_tokenizer(encoder.tokenizer, folder, encoder.max_length)
    after = [(f"{number}_{type(module).__name__}", module) for number, module in enumerate(encoder.head, start=2)]
    modules = [
        ("", "Transformer"),
        ("1_Pooling", "Pooling"),
        *((path, type(module).__name__) for path, module in after),
    ]
    described = [
        {"idx": i, "name": str(i), "path": path, "type": f"{PACKAGES[0]}.{kind}"}
        for i, (path, kind) in enumerate(modules)
    ]
    write_json(described, folder / LISTED)
    Texts.write(folder, encoder.max_length)
    encoder.usage.write(folder)
    encoder.pooling.write(folder / "1_Pooling", encoder.token_vectors.width)
    for path, module in after:
        write_module(module, folder / path)


def modules(folder: Path) -> list[tuple[str, Path]]:
    """The kind and the folder of each module, in order; of one of somebody else, its whole type."""
    path = folder / LISTED
    listed = keys.read(path)
    if not isinstance(listed, list):
        raise ModelError(f"{path}: a list of modules is expected; {keys.REMEDY}")
    found, names = [], set()
    for entry in listed:
        module = Keys(path, entry)
        kind, place, name = (module.take(key, str, "") for key in ("type", "path", "name"))
        module.take("idx", int, None)  # the list's order counts
        module.only("kwargs", None, [], {})
        module.end()
        if name in names:
            raise module.refused("name", name, "another module has that name: sentence-transformers keeps the last")
        names.add(name)
        outside = Path(place).is_absolute() or ".." in Path(place).parts
        if outside or len(place.encode(errors="replace")) > LONGEST:
            raise module.refused("path", place, "a folder inside this one is expected")
        own = re.fullmatch(rf"({'|'.join(map(re.escape, PACKAGES))})\.(\w+\.)?(?P<kind>\w+)", kind)
        found.append((own["kind"] if own else kind, folder / place))
    return found


def _default_pooling(folder: Path) -> Pooling:
    """How sentence-transformers pools a transformers model that says nothing of it."""
    if not (folder / "config.json").is_file():
        raise ModelError(f"{folder}: no {LISTED}; not an encoder's folder. Run the train stage (dvc repro)")
    config = pretrained.read_config(str(folder))
    stated = config.architectures or [""]
    if not isinstance(stated, list) or not all(isinstance(name, str) for name in stated):
        raise Keys(folder / "config.json", {}).refused("architectures", stated, "a list of names is expected")
    decodes = stated[0].endswith("ForCausalLM") and getattr(config, "is_causal", True)
    return Pooling(("lasttoken" if decodes else "mean",))
