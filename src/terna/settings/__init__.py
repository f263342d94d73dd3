"""The settings: a schema, and one way in (conf/ or params.yaml → plain values)."""

from terna.settings.declaration import Corpus, File
from terna.settings.load import compose, load
from terna.settings.schema import (
    Evaluate,
    Logger,
    Machine,
    Release,
    Reported,
    Settings,
    Translate,
    Translator,
    Triplets,
)
from terna.settings.training import Dense, Distill, Lora, Model, Scratch, Train, Vocabulary

__all__ = [
    "Corpus",
    "Dense",
    "Distill",
    "Evaluate",
    "File",
    "Logger",
    "Lora",
    "Machine",
    "Model",
    "Release",
    "Reported",
    "Scratch",
    "Settings",
    "Train",
    "Translate",
    "Translator",
    "Triplets",
    "Vocabulary",
    "compose",
    "load",
]
