"""Every training sentence that is like a benchmark's is found, and no other: by brute force, and on real corpora."""

import random
import unicodedata
from pathlib import Path

import pyarrow as pa
import pytest
from composed import compose_once
from contamination_inputs import brute_force, jaccard, normal, search, spoilt, words
from hypothesis import given, settings
from hypothesis import strategies as st

from terna.data.contamination import find, index, ngrams
from terna.data.corpora import read_nli, read_sts
from terna.data.numbering import distinct
from terna.sentences import fold

FUZZ = settings(derandomize=True, deadline=None, max_examples=100)

# few letters and syllables, so that n-grams recur within and between texts
texts = st.one_of(
    st.text(alphabet="aáßbA .", max_size=14),
    st.lists(st.sampled_from(["la ", "lo ", "Ca", "sa", "so ", ", "]), max_size=14).map("".join),
    st.text(max_size=8),
)
benchmarks = st.dictionaries(st.sampled_from(["z", "a", "m"]), st.lists(texts, max_size=8))


@FUZZ
@given(st.lists(texts, max_size=12), benchmarks, st.sampled_from([0.01, 0.3, 0.5, 0.55, 0.7, 0.8, 0.9, 1.0]))
def test_what_is_found_is_what_a_double_loop_finds(
    sentences: list[str], scored: dict[str, list[str]], limit: float
) -> None:
    assert search(sentences, scored, limit) == brute_force(sentences, scored, limit)


@pytest.mark.parametrize("limit", [0.2, 0.5, 0.8])
def test_among_sentences_of_common_ngrams_what_is_found_is_what_a_double_loop_finds(limit: float) -> None:
    rng = random.Random(3)
    lines = words(rng, 170)
    scored = {"first": lines[:60], "second": lines[30:80]}
    # from a copy to another sentence, word by word
    mixed = [
        " ".join([*one.split()[:cut], *other.split()[cut:]])
        for cut, one, other in zip([*range(12)] * 7, lines[:75], lines[75:150], strict=False)
    ]
    found = search(mixed + lines[150:], scored, limit)
    assert found == brute_force(mixed + lines[150:], scored, limit)
    assert {row[3] for row in found} == {"exact", "near"}


def test_letters_of_another_script_by_the_thousand_are_told_apart() -> None:
    rng = random.Random(5)
    letters = [chr(0x4E00 + place) for place in range(2000)]  # five of them need 55 bits
    scored = ["".join(rng.choices(letters, k=20)) for _ in range(400)]
    sentences = [text[:cut] + text[cut + 1 :] for text, cut in zip(scored[:30], range(30), strict=True)]
    sentences += ["".join(rng.choices(letters, k=20)) for _ in range(30)]
    found = search(sentences, {"zh": scored}, 0.5)
    assert found == brute_force(sentences, {"zh": scored}, 0.5)
    assert len(found) >= 20


@pytest.mark.parametrize(
    "copies",
    [
        ['"¿Qué hace, Sr. López?", dijo.', '" ¿ Qué hace , Sr. López ? " , dijo .', "«¿QUÉ HACE, SR. LÓPEZ?», dijo"],
        [
            'Dijo: "sí" (o no).',
            "Dijo : `` sí '' -LRB- o no -RRB- .",
            "dijo: “sí” -lrb- o no -rrb-",
            "Dijo: ‘sí’ [o no]",
        ],
        ["1.000 euros", "1 000 euros", "1000 euros", "1\u202f000 euros"],
        ["EE.UU.", "EE. UU.", "EEUU", "ee uu"],
        ["l'Hospitalet", "l´Hospitalet", "l’ Hospitalet", "L ` hospitalet"],
        ["Straße", "STRASSE", "strasse"],
        ["ΣΟΦΟΣ", "σοφος", "σοφοσ"],
        ["canción", "cancio\u0301n", "CANCI\u00d3N", "can\u00adción"],
        ["el ﬁn n.º ½", "El fin nº 1⁄2"],
    ],
)
def test_copies_that_differ_by_case_space_punctuation_and_tokenisation_are_equal(copies: list[str]) -> None:
    assert len(set(normal(*copies))) == 1
    for copy in copies:
        assert search([copy], {"name": copies[:1]}, 1.0) == [(0, "name", copies[0], "exact", 1.0)]


def test_accents_marks_and_digits_are_kept() -> None:
    assert normal("El papá tiene 45 años.", "el papa tiene 45 anos", "क़िला") == [
        "elpapátiene45años",
        "elpapatiene45anos",
        "क\u093cिला",
    ]


@FUZZ
@given(st.text())
def test_what_is_normalised_is_letters_marks_and_digits_and_stays_as_it_is(text: str) -> None:
    (once,) = normal(text)
    assert normal(once) == [once]
    assert normal(f" {text.lower() if text.isascii() else text}. ") == [once]


variants = st.text(max_size=6) | st.text(alphabet="aÁñÑß \u0301\u0338=≠<´\u0345ᾳΐſK-LRSB", max_size=12)


@FUZZ
@given(variants)
def test_texts_that_count_as_the_same_sentence_are_the_same_to_the_search_for_copies(text: str) -> None:
    forms = [text, *(unicodedata.normalize(form, text) for form in ("NFC", "NFD")), text.swapcase(), f" {text}\t"]
    same = [form for form in forms if fold(form) == fold(text)]
    assert len(set(normal(*same))) == 1


def test_planted_copies_are_found_among_thousands() -> None:
    rng = random.Random(11)
    lines = [line for line in words(rng, 6000) if len(line) > 60]
    scored, others = lines[:300], lines[300:]
    planted = {place: (text, kind) for text in scored[:20] for kind, place in spoilt_places(rng, text, others)}
    found = {row[0]: row for row in search(others, {"name": scored}, 0.6)}
    assert set(planted) <= set(found)
    for place, (text, kind) in planted.items():
        expected = "exact" if kind in ("tokenised", "another case", "punctuation") else "near"
        assert found[place][2:4] == (text, expected), kind
        assert found[place][4] == jaccard(*normal(others[place], text))
    assert len(found) < len(planted) + 50


def spoilt_places(rng: random.Random, text: str, others: list[str]) -> list[tuple[str, int]]:
    """Puts the spoilt copies at the end of the others, and says where each kind is."""
    places = []
    for kind, copy in spoilt(rng, text).items():
        others.append(copy)
        places.append((kind, len(others) - 1))
    return places


def test_a_text_shorter_than_an_ngram_is_found_only_whole() -> None:
    scored = {"name": ["No", "Sí, sí", "casa", "casas"]}
    assert search(["¡No!", "si si", "Casa.", "casas", "ca", ""], scored, 0.1) == [
        (0, "name", "No", "exact", 1.0),
        (2, "name", "casa", "exact", 1.0),
        (3, "name", "casas", "exact", 1.0),
    ]


def test_what_has_no_letter_is_like_nothing_and_nothing_gives_an_empty_table() -> None:
    assert search(["", "...", " "], {"name": ["", "?!", "..."]}, 0.1) == []
    assert search([], {"name": ["casa"]}, 0.5) == search(["casa"], {}, 0.5) == search(["casa"], {"name": []}, 0.5) == []


def test_the_best_match_of_each_benchmark_stands_in_the_order_of_the_mapping() -> None:
    long = "el gato duerme sobre la mesa de la cocina"
    scored = {
        "z": [f"{long} hoy", f"{long}!", f"¡{long}", f"{long}!"],
        "a": [f"{long} ayer", f"{long} y", f"{long} o"],
    }
    overlap = jaccard(*normal(long, f"{long} o"))
    assert search(["otra", long], scored, 0.5) == [
        (1, "z", f"{long}!", "exact", 1.0),
        (1, "a", f"{long} o", "near", overlap),
    ]
    turned = search(["otra", long], dict(reversed(scored.items())), 0.5)
    assert [row[1] for row in turned] == ["a", "z"]


def test_equal_sets_of_ngrams_are_no_equal_texts() -> None:
    assert search(["jajajaja"], {"name": ["jajajajaja"]}, 1.0) == [(0, "name", "jajajajaja", "near", 1.0)]
    both = {"name": ["jajajajaja", "ja ja ja ja"]}
    assert search(["jajajaja"], both, 1.0) == [(0, "name", "ja ja ja ja", "exact", 1.0)]


@pytest.mark.parametrize("chunk", [1, 7, 100])
def test_it_does_not_matter_how_many_are_compared_at_once(monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    rng = random.Random(2)
    scored = {"name": words(rng, 50), "other": words(rng, 20)}
    sentences = [copy for text in scored["name"] for copy in (text[5:], text, text[:-9])]
    whole = search(sentences, scored, 0.4)
    monkeypatch.setattr(ngrams, "CHUNK", chunk)
    monkeypatch.setattr(index, "PAIRS", chunk)
    monkeypatch.setattr(index, "MEETINGS", 1 + chunk % 3)
    assert search(sentences, scored, 0.4) == whole
    assert len(whole) >= 150


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory, mirror: Path) -> Path:
    """The mirror's files under their names in lower case and in the declarations' case."""
    folder = tmp_path_factory.mktemp("raw")
    for file in sorted(mirror.iterdir()):
        (folder / file.name).symlink_to(file)
        if file.name.startswith("sts"):
            (folder / f"STS{file.name[3:]}").symlink_to(file)
    return folder


def test_esxnli_has_no_sentence_of_the_spanish_benchmarks(root: Path, raw: Path) -> None:
    chosen = compose_once(root, ["experiment=minilm_esxnli"])
    pairs, _ = read_nli("esxnli", chosen.corpora["esxnli"], raw)
    tables = {name: read_sts(name, corpus, raw) for name, corpus in chosen.evaluate.benchmarks.items()}
    scored = {
        name: [*table["sentence1"].to_pylist(), *table["sentence2"].to_pylist()] for name, table in tables.items()
    }
    assert list(scored) == ["sts2014-es", "sts2015-es"]
    sentences = distinct(pairs["premise"], pairs["hypothesis"])
    found = find(sentences, scored, 0.8)
    assert [row for row in found.to_pylist() if row["kind"] == "exact"] == []
    # a benchmark finds itself whole
    for name, texts_of in scored.items():
        own = find(pa.array(sorted(set(texts_of)), pa.string()), {name: texts_of}, 0.8)
        assert set(own["kind"].to_pylist()) == {"exact"}
        assert len(own) == len(set(texts_of))
