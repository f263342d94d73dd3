"""The settings: a schema, and one way in (conf/ or params.yaml → plain values)."""

from terna.settings.benchmark import Benchmark, Split
from terna.settings.declaration import Corpus, File, HubDataset
from terna.settings.hub import OWNER, is_hub_name
from terna.settings.kinds import kinds_of
from terna.settings.load import check_words, compose, composing, load
from terna.settings.published import named, published
from terna.settings.schema import (
    Evaluate,
    Logger,
    Machine,
    Mine,
    Release,
    Reported,
    Settings,
    Translate,
    Translator,
    Triplets,
)
from terna.settings.sources import check_files, check_folder
from terna.settings.training import (
    Debug,
    Dense,
    Distill,
    Guide,
    Keep,
    Lora,
    Losses,
    Model,
    Prompts,
    Scratch,
    SimilarityDistillation,
    Train,
    Vocabulary,
    Words,
)

__all__ = [
    "OWNER",
    "Benchmark",
    "Corpus",
    "Debug",
    "Dense",
    "Distill",
    "Evaluate",
    "File",
    "Guide",
    "HubDataset",
    "Keep",
    "Logger",
    "Lora",
    "Losses",
    "Machine",
    "Mine",
    "Model",
    "Prompts",
    "Release",
    "Reported",
    "Scratch",
    "Settings",
    "SimilarityDistillation",
    "Split",
    "Train",
    "Translate",
    "Translator",
    "Triplets",
    "Vocabulary",
    "Words",
    "check_files",
    "check_folder",
    "check_words",
    "compose",
    "composing",
    "is_hub_name",
    "kinds_of",
    "load",
    "named",
    "published",
]
