"""The encoder: where its backbone comes from, and what it makes of sentences."""

from terna.encoder.backbone import build_encoder, load_tokenizer, locate, positions
from terna.encoder.folder import load
from terna.encoder.layout import Batch
from terna.encoder.network import DenseHead, Encoder, pool

__all__ = ["Batch", "DenseHead", "Encoder", "build_encoder", "load", "load_tokenizer", "locate", "pool", "positions"]
