"""A backbone and its tokenizer as they lie on a disk or the hub: read whole, or refused with file, sizes and remedy."""

from pathlib import Path
from typing import Any

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

from terna.encoder import keys
from terna.errors import ModelError

# of these translation models the encoder alone can be loaded
HALVES: dict[str, Any] = {"t5": T5EncoderModel, "mt5": MT5EncoderModel, "umt5": UMT5EncoderModel}
# beside the path from tokens to a sentence's vector
UNUSED = "pooler."
# what transformers makes lists and modules of as soon as it reads a configuration, and the most of them
COUNTS = (
    "num_hidden_layers",
    "num_layers",
    "n_layer",
    "n_layers",
    "num_hidden_groups",
    "inner_group_num",
    "num_labels",
)
MOST = 10_000
REMEDY = "get it again, or give another backbone"


def read_config(where: str, revision: str = "main") -> PreTrainedConfig:
    """The configuration of a backbone; ModelError when it cannot be read, or is of no kind that encodes."""
    if (adapter := Path(where) / "adapter_config.json").is_file():
        raise ModelError(f"{adapter}: an adapter, not a backbone; merge it into its backbone and save that")
    _check_counts(Path(where) / "config.json")
    try:
        config: PreTrainedConfig = AutoConfig.from_pretrained(where, revision=revision, trust_remote_code=False)
    except Exception as error:  # whatever a damaged file makes of the libraries that read it
        raise _unreadable(where, error) from error
    if config.is_encoder_decoder and config.model_type not in HALVES:
        raise ModelError(
            f"{where}: {config.model_type} is a model of encoder and decoder, of which only {', '.join(HALVES)} can be "
            "read; give an encoder, such as BERT and its like, or a decoder, such as Qwen"
        )
    return config


def read_tokenizer(where: str, revision: str = "main") -> PreTrainedTokenizerBase:
    """A tokenizer with a padding token, the end of text where it has none of its own; ModelError otherwise."""
    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
            where, revision=revision, trust_remote_code=False
        )
    except Exception as error:  # as above; tokenizers raises nothing more definite
        raise _unreadable(where, error) from error
    if len(tokenizer) <= len(tokenizer.all_special_ids):  # what transformers makes where there is no file of it
        raise ModelError(f"{where}: its tokenizer has no entries but special tokens; {REMEDY}")
    if tokenizer.pad_token_id is None:
        if tokenizer.eos_token is None:
            raise ModelError(f"{where}: its tokenizer has no padding token; set pad_token in tokenizer_config.json")
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def read_backbone(where: str, revision: str = "main") -> PreTrainedModel:
    """A backbone in float32, in evaluation mode; ModelError when a weight is missing, of another size, or cut off."""
    config = read_config(where, revision)
    try:
        read: tuple[PreTrainedModel, dict[str, Any]] = HALVES.get(config.model_type, AutoModel).from_pretrained(
            where,
            revision=revision,
            trust_remote_code=False,
            use_safetensors=True,
            dtype="float32",
            ignore_mismatched_sizes=True,  # they are refused here, with their sizes
            output_loading_info=True,
        )
    except Exception as error:  # whatever a damaged file makes of the libraries that read it
        raise _unreadable(where, error) from error
    backbone, found = read
    _check_weights(where, found)
    return backbone


def check_fit(rows: int, tokenizer: PreTrainedTokenizerBase, where: str) -> None:
    """Raise ModelError when a tokenizer has entries that a backbone with `rows` word embeddings has none for."""
    entries = max(tokenizer.get_vocab().values(), default=-1) + 1
    if entries > rows:
        raise ModelError(
            f"{where}: {rows} word embeddings, but the tokenizer has {entries} entries; give backbone and tokenizer "
            "that were saved together"
        )


def _check_counts(file: Path) -> None:
    """Raise ModelError for a configuration with more layers or labels than any backbone has."""
    stated = keys.read(file) if file.is_file() else {}
    for key in COUNTS if isinstance(stated, dict) else ():
        if isinstance(found := stated.get(key), (int, float)) and found > MOST:
            raise ModelError(f"{file}: {key}: {found!r}, but {MOST} at most can be read; {REMEDY}")


def _unreadable(where: str, error: Exception) -> ModelError:
    """The error for what a library refused, its reason in one sentence."""
    return ModelError(f"{where}: {' '.join(str(error).split())}")


def _check_weights(where: str, found: dict[str, Any]) -> None:
    """Raise ModelError for weights that the files lack or have in another size; found: transformers' report."""
    sizes = {key: f"{key} of {tuple(given)}, not {tuple(due)}" for key, given, due in found["mismatched_keys"]}
    missing = sorted(key for key in found["missing_keys"] if key not in sizes and not key.startswith(UNUSED))
    if faults := [*(sizes[key] for key in sorted(sizes)), *(f"no {key}" for key in missing)]:
        more = f" and {len(faults) - 3} more" if len(faults) > 3 else ""
        raise ModelError(f"{where}: its weights do not fit its config.json: {', '.join(faults[:3])}{more}; {REMEDY}")
