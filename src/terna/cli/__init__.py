"""`python -m terna`: vectors of lines, search among them, the similarity of two sentences, ONNX, from a shell."""

from terna.cli.arguments import main

__all__ = ["main"]
