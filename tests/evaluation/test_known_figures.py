"""On the real benchmarks an untouched MiniLM has the figures that are known for it."""

from pathlib import Path

import pytest
from composed import compose_once

from terna.data.corpora import read_sts
from terna.encoder import build_encoder, load_tokenizer
from terna.metrics.correlations import figures
from terna.metrics.similarity import pairwise

KNOWN = {"sts2014-es": (0.804, 0.781), "sts2015-es": (0.602, 0.548)}


@pytest.mark.slow
@pytest.mark.parametrize("name", KNOWN)
def test_untouched_minilm(root: Path, mirror: Path, tmp_path: Path, name: str) -> None:
    settings = compose_once(root, ["experiment=minilm_es"])
    benchmark = settings.evaluate.benchmarks[name]
    for file in benchmark.files:
        (tmp_path / file.name).symlink_to(mirror / file.name.lower())
    table = read_sts(name, benchmark, tmp_path)
    encoder = build_encoder(settings.model, load_tokenizer(settings.model, []))
    vectors = encoder.encode([*table["sentence1"].to_pylist(), *table["sentence2"].to_pylist()])
    found = figures(pairwise(vectors[: len(table)], vectors[len(table) :]), table["gold"].to_numpy())
    assert (round(found["cosine_pearson"] or 0, 3), round(found["cosine_spearman"] or 0, 3)) == KNOWN[name]
