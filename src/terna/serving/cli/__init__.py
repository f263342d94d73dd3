"""`python -m terna`: vectors of lines, search among them, the similarity of two sentences, ONNX, from a shell."""

from terna.serving.cli.main import main

__all__ = ["main"]
