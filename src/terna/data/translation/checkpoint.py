"""A checkpoint's files on disk, its tokenizer and its model; the only module here that knows the hub."""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from huggingface_hub import HfApi, snapshot_download
from safetensors import SafetensorError
from transformers import AutoConfig, AutoModelForSeq2SeqLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils import logging as transformers_logging

from terna.errors import ModelError, words_of
from terna.settings import OWNER, Translator, is_hub_name
from terna.settings.hub import hub_errors, patience

# what is taken of a repository: neither weights in other formats nor pictures
FILES = ("*.json", "*.safetensors", "*.spm", "*.model")


@dataclass(frozen=True)
class Checkpoint:
    """One version of a checkpoint: its name in the settings, its folder, the hub's commit (None: not from the hub)."""

    name: str
    folder: Path
    commit: str | None

    def sha256(self) -> str:
        """Hex sha256 of the weights' safetensors, one after another where there are several.

        Raises ModelError where there are none.
        """
        return digest(self._weights())

    def rest(self) -> str:
        """Hex sha256 of the files that shape the output beside the weights: configuration and tokenizer."""
        paths = {path for pattern in FILES for path in self.folder.glob(pattern)}
        return digest(sorted(path for path in paths if path.suffix != ".safetensors"))

    def origin(self) -> dict[str, list[str]]:
        """What decides what the checkpoint makes of a text: its files, and the versions of what computes."""
        # another version may choose another word where two are nearly as good
        return {"files": [self.sha256(), self.rest()], "versions": [torch.__version__, transformers.__version__]}

    def _weights(self) -> list[Path]:
        whole = self.folder / "model.safetensors"
        found = [whole] if whole.is_file() else sorted(self.folder.glob("model-*-of-*.safetensors"))
        if not found:
            raise ModelError(
                f"translate.model.checkpoint: no model.safetensors in {self.name} ({self.folder}); set "
                "translate.model.revision to one that has them, such as the hub's conversion pull request (refs/pr/1 "
                "or another number), or give a folder made once with save_pretrained"
            )
        return found


def find(settings: Translator) -> Checkpoint:
    """The checkpoint's folder: as given, or the hub's (from its cache where there is no network).

    Raises ModelError when there is none.
    """
    name, folder = settings.checkpoint, Path(settings.checkpoint)
    if folder.is_dir():
        return Checkpoint(name, folder, None)
    if not is_hub_name(name):
        raise ModelError(
            f"translate.model.checkpoint: {name}: not there; give a folder, or a hub name (owner/name, {OWNER})"
        )
    try:
        found = _fetched(name, settings.revision)
    except hub_errors() as error:
        raise ModelError(
            f"translate.model.checkpoint: neither a folder nor available from the hub: {name} at revision "
            f"{settings.revision} ({words_of(error)}). Give a folder, or a hub name and a revision that it has. "
            "Without a hub: take its cache folder along (HF_HOME, with HF_HUB_OFFLINE=1)"
        ) from error
    return Checkpoint(name, found, found.name)


def _fetched(name: str, revision: str | None) -> Path:
    """A repository's folder in the hub's cache: as the hub has it, or, where it does not answer, as it is there."""
    asked: dict[str, Any] = {"repo_id": name, "revision": revision, "allow_patterns": list(FILES)}
    try:
        HfApi().model_info(name, revision=revision, timeout=patience())
    except hub_errors() as error:
        try:
            return Path(snapshot_download(**asked, local_files_only=True))
        except hub_errors():
            raise error from None
    return Path(snapshot_download(**asked))


def digest(paths: Iterable[Path]) -> str:
    """Hex sha256 of files' bytes, one after another; of one file, its own."""
    total = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while piece := file.read(1 << 20):
                total.update(piece)
    return total.hexdigest()


def check(checkpoint: Checkpoint, max_length: int) -> None:
    """Raise ModelError for a checkpoint that does not translate, or has fewer positions than max_length."""
    try:
        config = AutoConfig.from_pretrained(checkpoint.folder, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise _unusable("configuration", checkpoint, error) from error
    if not config.is_encoder_decoder:
        raise ModelError(
            f"translate.model.checkpoint: {checkpoint.name} is a {config.model_type}, which has no decoder over an "
            "encoder; give a Marian, M2M100 or NLLB checkpoint"
        )
    positions = getattr(config, "max_position_embeddings", None) or max_length
    if positions < max_length:
        raise ModelError(
            f"translate.model.max_length: {max_length}, but {checkpoint.name} has {positions} positions; lower it"
        )


def load_tokenizer(checkpoint: Checkpoint) -> PreTrainedTokenizerBase:
    """The checkpoint's own tokenizer; ModelError when it cannot be loaded."""
    try:
        return AutoTokenizer.from_pretrained(checkpoint.folder, trust_remote_code=False)
    # a vocabulary that is missing or broken ends in any of these
    except (OSError, ValueError, TypeError, KeyError, AttributeError, AssertionError, ImportError) as error:
        raise _unusable("tokenizer", checkpoint, error) from error


def load_model(checkpoint: Checkpoint, precision: str, device: str) -> PreTrainedModel:
    """The checkpoint's model on a device, with weights of this precision; ModelError when it cannot be loaded."""
    with _quiet():
        try:
            model = AutoModelForSeq2SeqLM.from_pretrained(
                checkpoint.folder, trust_remote_code=False, use_safetensors=True, dtype=precision
            )
        except (OSError, ValueError, SafetensorError) as error:
            raise _unusable("model", checkpoint, error) from error
    placed: PreTrainedModel = model.to(device)
    return placed


@contextmanager
def _quiet() -> Iterator[None]:
    """No bar of transformers' own: there is one over the sentences."""
    shown = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        if shown:
            transformers_logging.enable_progress_bar()  # type: ignore[no-untyped-call]


def set_languages(tokenizer: PreTrainedTokenizerBase, codes: dict[str, str], *, source: str, target: str) -> int | None:
    """Make a tokenizer of many languages read `source`; returns the token that makes the model write `target`.

    Without codes, None: a checkpoint of one direction. Raises ModelError for a language without a code, and for a code
    that the tokenizer does not know.
    """
    if not codes:
        return None
    _code_id(tokenizer, codes, source)
    tokenizer.src_lang = codes[source]
    return _code_id(tokenizer, codes, target)


def _code_id(tokenizer: PreTrainedTokenizerBase, codes: dict[str, str], language: str) -> int:
    if language not in codes:
        raise ModelError(f"translate.model.codes: no code for {language!r}; add what the checkpoint calls it")
    code = codes[language]
    try:
        found = tokenizer.get_lang_id(code) if hasattr(tokenizer, "get_lang_id") else _special_id(tokenizer, code)
    except KeyError:
        found = None
    if found is None:
        raise ModelError(
            f"translate.model.codes.{language}: {code!r} is not a language of this tokenizer; see the checkpoint's "
            "list, and give no codes for a checkpoint of one direction"
        )
    return int(found)


def _special_id(tokenizer: PreTrainedTokenizerBase, code: str) -> int | None:
    """The number of a language's token: a special token, but none that marks anything else (`<unk>` among them)."""
    named = set(tokenizer.special_tokens_map.values())
    number = tokenizer.convert_tokens_to_ids(code)
    if (
        not isinstance(number, int)
        or number not in tokenizer.all_special_ids
        or tokenizer.convert_ids_to_tokens(number) in named
    ):
        return None
    return number


def _unusable(part: str, checkpoint: Checkpoint, error: Exception) -> ModelError:
    return ModelError(
        f"translate.model.checkpoint: no {part} in {checkpoint.name} ({checkpoint.folder}): {error}. Give a Marian, "
        "M2M100 or NLLB checkpoint with safetensors weights and its tokenizer's files"
    )
