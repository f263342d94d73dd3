"""Token tables as the stage writes them, without a folder to look after."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from terna.data.token_table import TokenTable, store


def build(tables: Any, tokenizer: Any, max_length: int, *prompts: Any) -> TokenTable:
    """What `store` writes and maps into memory; the files live as long as the mapping."""
    with TemporaryDirectory() as folder:
        return store(tables, tokenizer, max_length, Path(folder), *prompts)
