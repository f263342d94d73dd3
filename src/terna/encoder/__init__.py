"""The encoder: where its backbone comes from, and what it makes of sentences."""

from terna.encoder.backbone import build_encoder, load_tokenizer, locate, positions
from terna.encoder.head import DenseHead
from terna.encoder.network import Encoder, pool
from terna.encoder.packing import Batch
from terna.encoder.saved import load, save

__all__ = [
    "Batch",
    "DenseHead",
    "Encoder",
    "build_encoder",
    "load",
    "load_tokenizer",
    "locate",
    "pool",
    "positions",
    "save",
]
