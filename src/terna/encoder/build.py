"""From the settings to an encoder that can be trained: random weights, a backbone, or an encoder with all its parts."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from terna.encoder import hub, pretrained
from terna.encoder.backbone import check_digest, check_length, fit_tokenizer, locate, places, positions, random_weights
from terna.encoder.head import Dense
from terna.encoder.layers import check_layers, keep_layers
from terna.encoder.network import Encoder
from terna.encoder.pooling import Pooling
from terna.encoder.saved import Saved
from terna.encoder.usage import Usage
from terna.encoder.vocabulary import start
from terna.encoder.vocabulary_cut import take
from terna.errors import ModelError
from terna.sentences import Prompts
from terna.settings import Model

ACTIVATIONS = {"tanh": nn.Tanh, "identity": nn.Identity}


class Start(NamedTuple):
    """What the folder of the encoder that training starts from says; commit: the hub's, None for what is not there."""

    saved: Saved
    commit: str | None


def load_tokenizer(model: Model, sentences: Iterable[str]) -> PreTrainedTokenizerBase:
    """The start's own tokenizer; for `scratch` a byte-level BPE fitted on `sentences`.

    Raises ModelError when it cannot be loaded, or does not fit the backbone, which is not loaded for that, and for a
    prompt that leaves no room for texts.
    """
    tokenizer = fit_tokenizer(model.scratch, sentences) if model.scratch else _own_tokenizer(model)
    for prompt in Usage.of(model.prompts).sides if model.prompts else ():
        try:
            Usage().prompt_tokens(tokenizer, model.max_length, prompt)
        except ModelError as error:
            raise ModelError(f"model.prompts: {error} (model.max_length); shorten it, or raise that") from error
    return tokenizer


def _own_tokenizer(model: Model) -> PreTrainedTokenizerBase:
    located, revision = locate(model.backbone), model.revision or "main"
    try:
        if not Path(located).is_dir():
            hub.check(located, revision)
    except ModelError as error:
        raise ModelError(f"model.backbone: {error}") from error
    with _usable("tokenizer", model):
        given = start_of(model, located)
        where = str(given.saved.texts.folder) if given else located
    check_digest(model, Path(where))
    with _usable("tokenizer", model):
        config = pretrained.read_config(where, revision)
        tokenizer = given.saved.tokenizer() if given else pretrained.read_tokenizer(where, revision)
        pretrained.check_fit(getattr(config, "vocab_size", 2**31), tokenizer, where)
    check_length(model, places(config))
    pretrained.check_alone(config, model.max_length, f"model.backbone: {where}")
    check_layers(model, config)
    return tokenizer


def build_encoder(
    model: Model,
    tokenizer: PreTrainedTokenizerBase,
    starts: pa.Table | None = None,
    kept: pa.Table | None = None,
    *,
    packed: bool = True,
) -> Encoder:
    """An encoder ready to train; new weights come from torch's global generator. packed: see Encoder.

    starts: what the entries that model.vocabulary.words adds start from, a STARTS table. kept: the entries that
    model.vocabulary.keep leaves, a KEPT table.

    Raises ModelError when the start cannot be loaded, does not fit the tokenizer, or has fewer positions than
    model.max_length.
    """
    given = start_of(model)
    saved = given.saved if given else None
    backbone = random_weights(model, len(tokenizer)) if model.scratch else _pretrained(model, given)
    check_length(model, positions(backbone))
    if model.layers:
        check_layers(model, backbone.config)
        backbone = keep_layers(backbone, model.layers)
    if starts is not None:
        start(backbone, starts)
    if kept is not None:
        take(backbone, kept)
    pooling = saved.pooling if saved else Pooling((model.pooling or "mean",))
    encoder = Encoder(
        backbone,
        tokenizer,
        pooling=pooling,
        max_length=model.max_length,
        head=_head(model, saved, int(backbone.config.hidden_size) * len(pooling.modes)),
        usage=_usage(model, saved),
        packed=packed,
    )
    return encoder.train()  # from_pretrained gives eval mode, and Lightning would train without dropout


def start_of(model: Model, where: str | None = None) -> Start | None:
    """The encoder that training starts from, with all its parts; None where model.pooling or model.scratch is set.

    where: what `locate` says of its backbone, if that is known.

    Raises ModelError, by file and key, for what cannot be honoured.
    """
    if model.pooling is not None or model.scratch:
        return None
    folder, commit = _folder(model, where)
    return Start(Saved.read(folder), commit)


def load_start(model: Model) -> tuple[Encoder, Path]:
    """The encoder that training starts from, unchanged, ready to encode, and its folder.

    With model.pooling set it is the backbone so pooled, without a head. Raises ModelError if it is not available.
    """
    folder, _ = _folder(model)
    if model.pooling is None:
        check_digest(model, Saved.read(folder).texts.folder)
        return Encoder.load(folder), folder
    check_digest(model, folder)
    backbone, tokenizer = pretrained.read_backbone(str(folder)), pretrained.read_tokenizer(str(folder))
    return Encoder(backbone, tokenizer, pooling=model.pooling, max_length=model.max_length).eval(), folder


def prompts_of(model: Model) -> Prompts:
    """What is put before the texts that are trained on: model.prompts, else the start's default prompt before all."""
    given = start_of(model)
    usage = _usage(model, given.saved if given else None)
    return usage.sides if model.prompts else Prompts(usage.prompt, usage.prompt, usage.prompt)


def embeddings_of(model: Model) -> tuple[int, int]:
    """The start's word embeddings: how many, of which its tokenizer may use fewer, and the numbers in each."""
    given = start_of(model)
    where = str(given.saved.texts.folder) if given else locate(model.backbone)
    config = pretrained.read_config(where, model.revision or "main")
    return int(config.vocab_size), int(getattr(config, "embedding_size", None) or config.hidden_size)


def _folder(model: Model, located: str | None = None) -> tuple[Path, str | None]:
    """Where the start lies on this disk, and its commit on the hub; None for what is not there."""
    where = located or locate(model.backbone)
    if Path(where).is_dir():
        return Path(where), None
    folder = hub.fetched(where, model.revision or "main")
    return folder, folder.name


def _usage(model: Model, saved: Saved | None) -> Usage:
    """The start's usage with model.prompts in place of its prompts; ModelError where pooling leaves prompts out."""
    usage = saved.usage if saved else Usage()
    if model.prompts is None:
        return usage
    if saved and not saved.pooling.include_prompt:
        raise ModelError(
            f"model.prompts: the pooling of {model.backbone} leaves the tokens of its prompt out (include_prompt: "
            "false), and a batch with several prompts cannot; set it to null, or set model.pooling"
        )
    declared = Usage.of(model.prompts)
    return replace(usage, prompts=declared.prompts, default_prompt_name=declared.default_prompt_name)


def _head(model: Model, saved: Saved | None, width: int) -> tuple[nn.Module, ...]:
    if dense := model.dense:
        return (Dense(width, dense.out_features, ACTIVATIONS[dense.activation]()),)
    return saved.head if saved else ()


def _pretrained(model: Model, given: Start | None) -> PreTrainedModel:
    where = str(given.saved.texts.folder) if given else locate(model.backbone)
    check_digest(model, Path(where))
    with _usable("backbone", model):
        backbone = pretrained.read_backbone(where, model.revision or "main")
    if given and given.commit:
        backbone.config._commit_hash = given.commit  # as transformers notes it of what it loads from the hub by name
    return backbone


@contextmanager
def _usable(part: str, model: Model) -> Iterator[None]:
    """Name model.backbone, and what it may be, in a ModelError from reading a part of it."""
    try:
        yield
    except ModelError as error:
        where = f"{model.backbone} at revision {model.revision}" if model.revision else model.backbone
        raise ModelError(
            f"model.backbone: no {part} from {where}: {error}. Give a hub name, a local folder or pkg:module/path that "
            "holds safetensors weights and a tokenizer"
        ) from error
