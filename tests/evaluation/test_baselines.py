"""The lexical baselines: the definitions by hand, and known figures on the real benchmarks."""

import math
import zipfile
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from terna.errors import DataError
from terna.evaluation.baselines import lexical

# Pearson and Spearman over all pairs, to the third decimal
KNOWN = {
    ("sts2015-es-test.zip", ("newswire", "wikipedia"), 751): {
        "jaccard": (0.587, 0.537),
        "tfidf_words": (0.590, 0.546),
        "tfidf_chars": (0.619, 0.567),
    },
    ("sts2014-es-test.zip", ("news", "wikipedia"), 804): {
        "jaccard": (0.737, 0.787),
        "tfidf_words": (0.796, 0.811),
        "tfidf_chars": (0.816, 0.822),
    },
}


def read(archive: Path, files: tuple[str, ...]) -> tuple[list[str], list[str], list[float]]:
    with zipfile.ZipFile(archive) as opened:
        lines = {Path(name).name: opened.read(name).decode().rstrip("\n").split("\n") for name in opened.namelist()}
    pairs = [line.rstrip("\r").split("\t") for file in files for line in lines[f"STS.input.{file}.txt"]]
    gold = [float(line) for file in files for line in lines[f"STS.gs.{file}.txt"]]
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs], gold


@pytest.mark.parametrize(("archive", "files", "pairs"), KNOWN)
def test_the_baselines_of_the_real_benchmarks_are_the_known_ones(
    mirror: Path, archive: str, files: tuple[str, ...], pairs: int
) -> None:
    left, right, gold = read(mirror / archive, files)
    assert len(left) == len(gold) == pairs
    found = lexical(left, right)
    assert list(found) == ["jaccard", "tfidf_words", "tfidf_chars"]
    for name, (pearson, spearman) in KNOWN[archive, files, pairs].items():
        assert round(float(stats.pearsonr(found[name], gold).statistic), 3) == pearson, name
        assert round(float(stats.spearmanr(found[name], gold).statistic), 3) == spearman, name


def test_jaccard_is_shared_words_over_all_words_in_lower_case() -> None:
    left = ["El perro come, y el gato no.", "Sí", "¿Qué?", "a b", "2 de mayo"]
    right = ["el PERRO duerme", "¡sí!", "nada", "b a a", "2 de junio"]
    np.testing.assert_allclose(lexical(left, right)["jaccard"], [2 / 7, 1, 0, 1, 2 / 4])


def test_tfidf_is_the_cosine_of_smoothed_tfidf_weights() -> None:
    # four sentences: "pan" is in two, each other word in one; a lone letter is no word
    left, right = ["el pan y", "sal"], ["mi pan", "sol"]
    common, rare = 1 + math.log(5 / 3), 1 + math.log(5 / 2)
    expected = common**2 / (common**2 + rare**2)
    np.testing.assert_allclose(lexical(left, right)["tfidf_words"], [expected, 0])


def test_character_ngrams_see_what_words_share_inside() -> None:
    found = lexical(["panadera", "molino"], ["panadero", "vecina"])
    assert found["tfidf_words"].tolist() == [0, 0]
    assert 0.3 < found["tfidf_chars"][0] < 1
    assert found["tfidf_chars"][1] == 0


def test_a_sentence_equals_itself_and_the_order_of_a_pair_does_not_matter(sentences: list[str]) -> None:
    turned = sentences[::-1]
    for name, values in lexical(sentences, sentences).items():
        np.testing.assert_allclose(values, 1, err_msg=name)
    for name, values in lexical(sentences, turned).items():
        np.testing.assert_allclose(values, lexical(turned, sentences)[name], err_msg=name)


@pytest.mark.parametrize("texts", [[], [""], ["", "  "], ["¿…?", "!"], ["a", "y"]])
def test_sentences_without_terms_are_like_nothing(texts: list[str]) -> None:
    found = lexical(texts, ["" for _ in texts])
    for name, values in found.items():
        assert values.dtype == np.float64
        assert values.tolist() == [0] * len(texts), name


def test_an_empty_sentence_among_others_is_like_nothing() -> None:
    for name, values in lexical(["", "el pan", ""], ["el pan", "el pan", ""]).items():
        np.testing.assert_allclose(values, [0, 1, 0], err_msg=name)


def test_columns_of_unequal_length_are_refused() -> None:
    with pytest.raises(DataError, match="1 first and 2 second"):
        lexical(["uno"], ["uno", "dos"])
