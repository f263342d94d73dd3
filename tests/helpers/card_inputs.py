"""What the card is filled from, made up so that no two numbers agree, and how its parts are read back."""

import re
import tempfile
from functools import cache
from pathlib import Path
from typing import Any, get_args

import yaml
from composed import compose_once, small

from terna.encoder import Usage, build_encoder, load_tokenizer, save
from terna.encoder.saved import Saved
from terna.evaluation.table import BASELINES
from terna.release.card import render
from terna.release.card.parameters import Modules, read_modules
from terna.release.lineage import Lineage, Link
from terna.settings import Dense, Model, Scratch, Settings, Vocabulary
from terna.settings.benchmark import Correlation

FIGURES = get_args(Correlation)
PUBLISHED = {  # the published card's table: BETO STS, BERTIN STS, relative improvement
    "cosine_pearson": (0.609803, 0.683188, "+12.03"),
    "cosine_spearman": (0.528776, 0.615916, "+16.48"),
    "euclidean_pearson": (0.590613, 0.672601, "+13.88"),
    "euclidean_spearman": (0.526529, 0.611539, "+16.15"),
    "manhattan_pearson": (0.589108, 0.672040, "+14.08"),
    "manhattan_spearman": (0.525910, 0.610517, "+16.09"),
    "dot_pearson": (0.544078, 0.600517, "+10.37"),
    "dot_spearman": (0.460427, 0.521260, "+13.21"),
}
IMPROVEMENT = "relative improvement over BETO STS (baseline), %"
TRAINING = {
    "triplets": 576,
    "batch_size": 32,
    "epochs": 2,
    "steps": 35,
    "steps_per_epoch": [18, 17],
    "triplets_left_out_per_epoch": [0, 32],
    "negatives_per_anchor": 127,
    "selected_step": 18,
    "selected_on": "sts-sample-dev cosine_pearson",
    "selected_score": 0.7654321,
    "start_score": 0.7654321 - 0.25,
    "gain_over_start": {"difference": 0.25, "ci95": [0.2, 0.3]},
    "better_than_start": True,
}
ACCOUNT = {
    "read": 901,
    "other_language": 902,
    "no_label": 903,
    "empty_sentence": 904,
    "translation": {},
    "translation_dropped": 909,
    "kept": 905,
    "distinct_sentences": 906,
    "overlap_dropped": 908,
    "triplets": 907,
}
TOTAL = {
    "pairs": 960,
    "sentences": 1280,
    "triplets_before_split": 640,
    "triplets_train": 576,
    "triplets_dev": 64,
    "pairs_held_out": 96,
    "pairs_held_out_dropped_as_shared": 5,
}


def settings_of(root: Path, *overrides: str) -> Settings:
    return compose_once(root, small(overrides))


def figures(start: float) -> dict[str, float]:
    return {name: start + number / 700 for number, name in enumerate(FIGURES)}


def baselines(start: float) -> dict[str, float]:
    names = (f"{name}_{kind}" for name in ("jaccard", "tfidf_words", "tfidf_chars") for kind in ("pearson", "spearman"))
    return {name: start + number / 90 for number, name in enumerate(names)}


def result(start: float) -> dict[str, Any]:
    parts = {"by_file": {"first": {"n": 500, **figures(start + 0.01)}, "second": {"n": 251, **figures(start + 0.02)}}}
    intervals = {name: [value - 0.04, value + 0.05] for name, value in figures(start).items()}
    return {"n": 751, **figures(start), **parts, "weighted_mean": figures(start + 0.03), "ci95": intervals}


def comparison(start: float, system: str = "TF-IDF, words") -> dict[str, Any]:
    chances = {"p": start / 3, "p_holm": start / 2, "p_williams": start / 5}
    return {"system": system, "difference": start / 7, "ci95": [start / 11, start / 6], **chances}


def comparisons(start: float) -> list[dict[str, Any]]:
    """With the baselines, of which TF-IDF on characters has the best figures here."""
    return [comparison(start + number / 70, name) for number, name in enumerate(BASELINES.values())]


def scores_of(settings: Settings) -> dict[str, Any]:
    starts = {name: 0.4 + 0.1 * number for number, name in enumerate(settings.evaluate.benchmarks)}
    found = {name: result(start) for name, start in starts.items()}
    found["baselines"] = {name: baselines(start) for name, start in starts.items()}
    found["systems"] = {
        system: {name: result(start + 0.05) for name, start in starts.items()} for system in settings.evaluate.systems
    }
    return {**found, "untouched": {}, "comparisons": {name: comparisons(start) for name, start in starts.items()}}


def stats_of(settings: Settings) -> dict[str, Any]:
    return {
        "corpora": {name: {**ACCOUNT, "sha256_in": {f"{name}.tsv": "ab" * 32}} for name in settings.corpora},
        "total": TOTAL,
        "translated_by": None,
        "contamination": {
            "limit": 0.8,
            "dropped": settings.triplets.drop_overlap,
            "sentences": {
                name: {"exact": 41 + number, "near": 51 + number}
                for number, name in enumerate(settings.evaluate.benchmarks)
            },
        },
        "sha256_out": {"train.parquet": "cd" * 32, "dev.parquet": "ef" * 32},
    }


LINEAGE = Lineage(
    name="terna-sample",
    commit="1a" * 20,
    modified=["src/terna/training/losses/ranking.py"],
    machine="Python 3.11.9, Linux x86_64",
    packages={"terna": "0.1.0", "torch": "2.8.1", "scipy": None},
    settings={"seed": 1},
    chain=[
        Link(stage="fetch@sample", read={}, wrote={"data/raw/nli/sample/rows.tsv": "20" * 32}),
        Link(
            stage="translate", read={}, wrote={"data/nli/accounts.json": "21" * 32, "data/nli/pairs.parquet": "22" * 32}
        ),
        Link(stage="triplets", read={}, wrote={"data/triplets/train.parquet": "23" * 32}),
        Link(stage="tokens", read={}, wrote={"data/tokens/ids.npy": "24" * 32, "data/tokens/stats.json": "25" * 32}),
        Link(stage="train", read={}, wrote={"models/encoder/model.safetensors": "26" * 32}),
        Link(stage="evaluate", read={}, wrote={"predictions/sts-sample-test.parquet": "27" * 32}),
    ],
)


@cache
def modules_of(pooling: str, length: int, dense: tuple[int, str] | None) -> Modules:
    """What `save` writes of an encoder of that shape."""
    shape = Scratch(vocab_size=300, hidden_size=32, layers=1, heads=2, intermediate_size=32)
    model = Model(
        "scratch", length, pooling, None, shape, Dense(*dense) if dense else None, Vocabulary(None, None), None
    )
    with tempfile.TemporaryDirectory() as folder:
        save(build_encoder(model, load_tokenizer(model, ["El perro duerme."])), Path(folder) / "encoder")
        return read_modules(Saved.read(Path(folder) / "encoder"))


def card_of(settings: Settings, **changed: Any) -> str:
    model, dense = settings.model, settings.model.dense
    shape = (dense.out_features, dense.activation) if dense else None
    modules = modules_of(model.pooling or "mean", model.max_length, shape)
    contents: dict[str, Any] = {"scores": scores_of(settings), "training": TRAINING, "stats": stats_of(settings)}
    contents |= {
        "lineage": LINEAGE,
        "dimension": dense.out_features if dense else 32,
        "architecture": "RobertaModel",
        "modules": modules,
    }
    contents |= {"size": 1234567, "vocabulary_cut": None, "usage": Usage()} | changed
    return render(settings, **contents)


def front_of(card: str) -> dict[str, Any]:
    front: dict[str, Any] = yaml.safe_load(card.removeprefix("---\n").split("\n---\n", 1)[0])
    return front


def tables_of(card: str, heading: str) -> list[list[dict[str, str]]]:
    """The tables between a heading and the next one: a row is a mapping from column title to cell."""
    section = re.split(r"^#+ |^\*\*", card.split(heading, 1)[1], maxsplit=1, flags=re.MULTILINE)[0]
    tables = []
    for block in re.findall(r"(?:^\|.*\|\n)+", section, flags=re.MULTILINE):
        header, _, *rows = ([cell.strip() for cell in line[1:-1].split("|")] for line in block.splitlines())
        tables.append([dict(zip(header, row, strict=True)) for row in rows])
    return tables


def block_of(card: str, heading: str) -> str:
    """The first block without a language after a heading."""
    return card.split(heading, 1)[1].split("```\n", 1)[1].split("\n```", 1)[0]
