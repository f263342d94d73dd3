"""`python -m terna demo`: a web page, served to this machine alone, that tries an encoder out."""

from terna.serving.demo.server import serve

__all__ = ["serve"]
