"""An encoder's folder with its backbone in ONNX, in float32 and in 8-bit integers, and what reads it."""

from terna.onnx.graph import write
from terna.onnx.reader import OnnxEncoder

__all__ = ["OnnxEncoder", "write"]
