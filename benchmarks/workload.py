"""What the benchmarks of training and encoding share: real triplets and benchmarks from a mirror, and the encoders."""

import os
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import pyarrow as pa
from sentence_transformers import SentenceTransformer
from transformers.utils.logging import disable_progress_bar

from terna.data.corpora import check_file, read_sts
from terna.data.download import fetch_corpus, from_environment
from terna.encoder import locate
from terna.settings import Corpus, Settings, compose, load

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "benchmarks" / "out"
WORK = OUT / "raw"

disable_progress_bar()


def composed(*overrides: str) -> Settings:
    """The project's settings with overrides in Hydra's grammar."""
    return load(compose(ROOT / "conf", list(overrides)))


def fetched(name: str, corpus: Corpus) -> Path:
    """The folder with a corpus's files, from TERNA_MIRROR or their addresses."""
    fetch_corpus(corpus, WORK / name, mirror=from_environment(), check=check_file, progress=False)
    return WORK / name


def scored(settings: Settings, name: str) -> pa.Table:
    """The pairs of a benchmark."""
    corpus = settings.evaluate.benchmarks[name]
    return read_sts(name, corpus, fetched(name, corpus))


def neighbour(settings: Settings) -> SentenceTransformer:
    """The settings' backbone as sentence-transformers trains it: mean pooling, on a CPU, dropout on."""
    model = SentenceTransformer(locate(settings.model.backbone), device="cpu")
    model.max_seq_length = settings.model.max_length
    return model.train()
