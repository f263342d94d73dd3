"""`python -m terna`: vectors of lines, search among them, and the similarity of two sentences, from a shell."""

from terna.cli.arguments import main

__all__ = ["main"]
