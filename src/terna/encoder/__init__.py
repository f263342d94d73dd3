"""The encoder: where its backbone comes from, and what it makes of sentences."""

from terna.encoder.backbone import locate, positions
from terna.encoder.build import build_encoder, load_start, load_tokenizer, prompts_of
from terna.encoder.head import Dense
from terna.encoder.network import Encoder
from terna.encoder.packing import Batch
from terna.encoder.pooling import Pooling
from terna.encoder.saved import load, save
from terna.encoder.usage import Usage

__all__ = [
    "Batch",
    "Dense",
    "Encoder",
    "Pooling",
    "Usage",
    "build_encoder",
    "load",
    "load_start",
    "load_tokenizer",
    "locate",
    "positions",
    "prompts_of",
    "save",
]
