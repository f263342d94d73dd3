"""A backbone and its tokenizer as they lie on a disk or the hub: read whole, or refused with file, sizes and remedy."""

import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import torch
from transformers import (
    AutoConfig,
    AutoModel,
    AutoTokenizer,
    MT5EncoderModel,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    T5EncoderModel,
    UMT5EncoderModel,
)
from transformers.utils import logging as transformers_logging

from terna.encoder import keys, weights
from terna.errors import ModelError, words_of

# of these translation models the encoder alone can be loaded
HALVES: dict[str, Any] = {"t5": T5EncoderModel, "mt5": MT5EncoderModel, "umt5": UMT5EncoderModel}
# beside the path from tokens to a sentence's vector
UNUSED = "pooler."
# what transformers makes lists and modules of as soon as it reads a configuration, and the most that is read
LAYERS = ("num_hidden_layers", "num_layers", "n_layer", "n_layers", "num_hidden_groups", "inner_group_num")
MOST = {**dict.fromkeys(LAYERS, 1_000), "num_labels": 1_000_000}
# numbers that a backbone may have beside those in its files: a pooler, tables of positions
BESIDE = 1 << 25
# what a tokenizer is read from, by transformers with its backbone's configuration
TOKENIZER = ("config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json")
# how many of the best tokens are attended to, by family
BEST = ("index_topk", "keep_window_size")
# characters that no vocabulary has: its token for unknown ones is looked up. Some drop the first, which is no letter.
UNKNOWN = "\U000f0000 \U00012219"
REMEDY = "get it again, or give another backbone"


def read_config(where: str, revision: str = "main") -> PreTrainedConfig:
    """The configuration of a backbone; ModelError when it cannot be read, or is of no kind that encodes."""
    if (adapter := Path(where) / "adapter_config.json").is_file():
        raise ModelError(f"{adapter}: an adapter, not a backbone; merge it into its backbone and save that")
    _check_config(Path(where) / "config.json")
    with readable(where, "config.json"):
        config: PreTrainedConfig = AutoConfig.from_pretrained(where, revision=revision, trust_remote_code=False)
    if config.is_encoder_decoder and config.model_type not in HALVES:
        raise ModelError(
            f"{where}: {config.model_type} is a model of encoder and decoder, of which only {', '.join(HALVES)} can be "
            "read; give an encoder, such as BERT and its like, or a decoder, such as Qwen"
        )
    if (other := getattr(config, "transformers_weights", None)) not in (None, weights.WHOLE):
        raise ModelError(
            f"{where}/config.json: transformers_weights: {other!r}, but weights are read from {weights.WHOLE} or the "
            "files that its index names; remove the key, and rename the file"
        )
    return config


def read_tokenizer(where: str, revision: str = "main") -> PreTrainedTokenizerBase:
    """A tokenizer with a padding token, the end of text where it has none of its own; ModelError otherwise."""
    _check_config(Path(where) / "config.json")
    with readable(where, *TOKENIZER):
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
            where, revision=revision, trust_remote_code=False
        )
        special, padding = tokenizer.all_special_ids, tokenizer.pad_token_id  # without end for a token of no number
        tokenizer(UNKNOWN)
    if len(tokenizer) <= len(special):  # what transformers makes where there is no file of it
        raise ModelError(f"{where}: its tokenizer has no entries but special tokens; {REMEDY}")
    if padding is None:
        if tokenizer.eos_token is None:
            raise ModelError(f"{where}: its tokenizer has no padding token; set pad_token in tokenizer_config.json")
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def read_backbone(where: str, revision: str = "main") -> PreTrainedModel:
    """A backbone in float32, in evaluation mode; ModelError when a weight is missing, of another size, or cut off."""
    config = read_config(where, revision)
    with readable(where, "config.json"):
        _check_size(where, config)
    logging.getLogger("transformers.modeling_utils").addFilter(_other)
    with readable(where, weights.INDEX), without_bars(of=where):
        read: tuple[PreTrainedModel, dict[str, Any]] = HALVES.get(config.model_type, AutoModel).from_pretrained(
            where,
            revision=revision,
            trust_remote_code=False,
            use_safetensors=True,
            dtype="float32",
            ignore_mismatched_sizes=True,  # they are refused here, with their sizes
            output_loading_info=True,
        )
    backbone, found = read
    _check_weights(where, found)
    weights.check_values(where, backbone.named_parameters())
    # nobody looks at them, and transformers saves no packed backbone with them
    backbone.config.output_attentions = False
    return backbone


@contextmanager
def without_bars(of: str) -> Iterator[None]:
    """Hide transformers' bars of reading and writing weights in a folder, which take no time; downloads keep theirs."""
    shown = transformers_logging.is_progress_bar_enabled() and Path(of).is_dir()
    if shown:
        transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        if shown:
            transformers_logging.enable_progress_bar()  # type: ignore[no-untyped-call]


def check_fit(rows: int, tokenizer: PreTrainedTokenizerBase, where: str) -> None:
    """Raise ModelError when a tokenizer has entries that a backbone with `rows` word embeddings has none for."""
    entries = max(tokenizer.get_vocab().values(), default=-1) + 1
    if entries > rows:
        raise ModelError(
            f"{where}: {rows} word embeddings, but the tokenizer has {entries} entries; give backbone and tokenizer "
            "that were saved together"
        )


def check_alone(config: PreTrainedConfig, max_length: int, where: str) -> None:
    """Raise ModelError where a text's vector would depend on the texts beside it, or on those before it.

    BigBird gives up sparse attention for good at the first short text. DeepSeek and Doge attend to a number of best
    tokens, and which of equally good ones these are depends on the batch. longrope turns positions by the longest text
    of a batch, dynamic by the longest so far, where these have more tokens than the model was first trained with.
    """
    config = config.get_text_config()
    if getattr(config, "attention_type", None) == "block_sparse":
        raise ModelError(
            f"{where}: attention_type: 'block_sparse', with which a text's vector depends on the texts before it; set "
            "it to 'original_full' in config.json"
        )
    for key in BEST:
        attended = getattr(config, key, None)
        if isinstance(attended, int) and max_length > attended:
            raise ModelError(
                f"{where}: {key}: {attended}, with which the vector of a text of more tokens depends on the texts "
                f"beside it; cut texts to {attended} tokens, not {max_length}"
            )
    own = getattr(config, "rope_parameters", None)
    by_layer = own.values() if isinstance(own, dict) else ()
    for rope in (each for each in (own, *by_layer) if isinstance(each, dict)):
        kind = rope.get("rope_type")
        key = "original_max_position_embeddings" if kind == "longrope" else "max_position_embeddings"
        limit = rope.get(key) or getattr(config, key, None)
        if kind in ("longrope", "dynamic") and isinstance(limit, (int, float)) and max_length > limit:
            raise ModelError(
                f"{where}: rope_type: {kind!r}, with which a text of more than {limit} tokens ({key}) "
                f"changes the vectors of others; cut texts to {limit} tokens, not {max_length}"
            )


@contextmanager
def readable(where: str, *files: str) -> Iterator[None]:
    """Raise ModelError for whatever the libraries raise within it.

    It names the first of `files` that is no JSON, or else all of them that are there. A fault inside tokenizers is a
    PanicException, which is no Exception.
    """
    try:
        yield
    except ModelError:
        raise
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        there = [file for file in files if (Path(where) / file).is_file()]
        for file in there:
            keys.read(Path(where) / file)
        among = f" (in {' or '.join(there)})" if there else ""
        raise ModelError(f"{where}: {words_of(error)}{among}; {REMEDY}") from error


def _other(record: logging.LogRecord) -> bool:
    """Whether a message is another than the report of missing weights: those that matter are refused here."""
    return "LOAD REPORT" not in record.getMessage()


def _check_config(file: Path) -> None:
    """Raise ModelError for more layers or labels than any backbone has, and for dropout that is no probability."""
    stated = keys.Keys.read(file).left
    parts = [stated, *(part for part in stated.values() if isinstance(part, dict))]
    for key, found in (pair for part in parts for pair in part.items()):
        number = isinstance(found, (int, float))
        if number and found > MOST.get(key, math.inf):
            raise ModelError(f"{file}: {key}: {found!r}, but {MOST[key]} at most can be read; {REMEDY}")
        if "dropout" in key and found is not None and not (number and 0 <= found <= 1):
            raise ModelError(f"{file}: {key}: {found!r}, but a number from 0 to 1 is expected; {REMEDY}")


def _check_size(where: str, config: PreTrainedConfig) -> None:
    """Raise ModelError for files of weights that are damaged, or hold far fewer numbers than a configuration asks for.

    Nothing is allocated for that. What the hub's cache holds was compared with its digests.
    """
    files = weights.files(Path(where))
    if not files:
        return
    held = sum(map(weights.numbers, files))
    half, whole = HALVES.get(config.model_type), cast(Any, AutoModel)
    with torch.random.fork_rng(devices=[]), torch.device("meta"):
        made = half(config) if half else whole.from_config(config, dtype="float32", trust_remote_code=False)
    asked = sum(each.numel() for each in (*made.parameters(), *made.buffers()))
    if asked > held + BESIDE:
        raise ModelError(
            f"{where}: its weights do not fit its config.json: {held} numbers, but it asks for {asked}; {REMEDY}"
        )


def _check_weights(where: str, found: dict[str, Any]) -> None:
    """Raise ModelError for weights that the files lack or have in another size; found: transformers' report."""
    sizes = {key: f"{key} of {tuple(given)}, not {tuple(due)}" for key, given, due in found["mismatched_keys"]}
    missing = sorted(key for key in found["missing_keys"] if key not in sizes and not key.startswith(UNUSED))
    if faults := [*(sizes[key] for key in sorted(sizes)), *(f"no {key}" for key in missing)]:
        more = f" and {len(faults) - 3} more" if len(faults) > 3 else ""
        raise ModelError(f"{where}: its weights do not fit its config.json: {', '.join(faults[:3])}{more}; {REMEDY}")
