"""Every row of a corpus is read, or left out and counted by reason."""

import csv
from collections import Counter
from pathlib import Path
from typing import get_args, get_type_hints

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from composed import compose_once
from corpora_inputs import MT, ROW, XNLI, corpus, line, put, zipped

from terna.data import corpora, download
from terna.data.corpora import nli, parallel, read_benchmark, read_nli, read_scored, read_sts
from terna.data.triplets import build
from terna.records import LABELS, PAIRS, SCORED, SCORED_PAIRS, TEXTS
from terna.sentences import fold
from terna.settings import Corpus, Settings
from terna.settings.declaration import SCORED as SCORED_FORMAT

# characters that end a line for str.splitlines, and not here
ODD = "uno\u2028dos\u2029tres\x85cuatro"
BOM = b"\xef\xbb\xbf"


def read(folder: Path, kind: str, content: bytes) -> tuple[pa.Table, Counter[str]]:
    put(folder, {"corpus.txt": content})
    return read_nli("name", corpus(kind, "corpus.txt"), folder)


def sentences(table: pa.Table) -> list[tuple[str, str]]:
    return list(zip(table["premise"].to_pylist(), table["hypothesis"].to_pylist(), strict=True))


@pytest.fixture(scope="module")
def declared(root: Path) -> Settings:
    return compose_once(root, ["experiment=minilm_es"])


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory, mirror: Path, declared: Settings) -> Path:
    """The declared files, fetched from the mirror alone."""
    folder = tmp_path_factory.mktemp("raw")
    for chosen in (*declared.corpora.values(), *declared.evaluate.benchmarks.values()):
        for file in chosen.files:
            nowhere = [f"nowhere/{Path(address).name}" for address in file.addresses]
            download.fetch(nowhere, file.sha256, folder / file.name, exact=chosen.exact, mirror=mirror)
    return folder


@pytest.mark.parametrize(("name", "each"), [("esxnli", 830), ("xnli", 2500)])
def test_the_declared_nli_corpora_hold_their_spanish_rows_a_third_a_label(
    declared: Settings, raw: Path, name: str, each: int
) -> None:
    table, counts = read_nli(name, declared.corpora[name], raw)
    assert table.schema == PAIRS
    assert Counter(table["label"].to_pylist()) == dict.fromkeys(LABELS, each)
    assert counts["read"] == len(table) == 3 * each
    assert counts["no_label"] == counts["empty_sentence"] == 0
    assert pc.unique(table["corpus"]).to_pylist() == [name]
    assert pc.unique(table["language"]).to_pylist() == ["es"]


def test_esxnlis_english_rows_are_counted_as_another_language(declared: Settings, raw: Path) -> None:
    _, counts = read_nli("esxnli", declared.corpora["esxnli"], raw)
    assert counts["other_language"] == 2490


@pytest.mark.parametrize(
    ("name", "each"),
    [("sts2014-es", {"news": 480, "wikipedia": 324}), ("sts2015-es", {"newswire": 500, "wikipedia": 251})],
)
def test_the_declared_benchmarks_hold_their_pairs_file_after_file(
    declared: Settings, raw: Path, name: str, each: dict[str, int]
) -> None:
    table = read_sts(name, declared.evaluate.benchmarks[name], raw)
    assert table.schema == SCORED
    assert table["file"].to_pylist() == [file for file, pairs in each.items() for _ in range(pairs)]
    assert table["line"].to_pylist() == [number for pairs in each.values() for number in range(1, pairs + 1)]
    assert 0 <= pc.min(table["gold"]).as_py() < pc.max(table["gold"]).as_py() <= 4


def test_every_format_of_the_schema_has_its_parser() -> None:
    formats = set(get_args(get_type_hints(Corpus)["format"]))
    assert formats == {"columns", SCORED_FORMAT, *nli.PARSERS, *parallel.PARSERS}


def test_the_declared_scored_pairs_are_those_that_the_csv_module_reads(
    root: Path, mirror: Path, tmp_path: Path
) -> None:
    declared = compose_once(root, ["corpora=stsb_es", "evaluate=sts_es_dev"])
    trained, counts = corpora.read("stsb-es", declared.corpora["stsb-es"], mirror)
    (tmp_path / "stsb-es-dev").symlink_to(mirror)
    held = read_benchmark("stsb-es-dev", declared.evaluate, tmp_path)
    assert isinstance(held, pa.Table)
    assert (trained.schema, counts["read"], held.schema) == (SCORED_PAIRS, 5749, SCORED)
    for table, name, scores in (
        (trained, "train", np.multiply(trained["score"], 5)),
        (held, "dev", held["gold"].to_numpy()),
    ):
        with (mirror / f"stsb-es-{name}.csv").open(encoding="utf-8", newline="") as file:
            first, second, gold = zip(*csv.reader(file), strict=True)
        assert table["sentence1"].to_pylist() == list(first) and table["sentence2"].to_pylist() == list(second)
        np.testing.assert_allclose(scores, np.array(gold, float), atol=1e-12)


def test_inferes_gives_the_triplets_that_counting_by_hand_gives(root: Path, mirror: Path) -> None:
    declared = compose_once(root, ["corpora=nli_inferes"]).corpora["inferes"]
    table, counts = corpora.read("inferes", declared, mirror)
    assert counts == {"read": 8056, "other_language": 0, "no_label": 0, "empty_sentence": 0}
    partners: dict[str, dict[str, set[str]]] = {"ent": {}, "cnt": {}}
    labels: dict[frozenset[str], set[str]] = {}
    for name in ("train", "test"):
        with (mirror / f"inferes_{name}.csv").open(encoding="utf-8", newline="") as file:
            rows = [[row[key].strip() for key in ("Premise", "Hypothesis", "Label")] for row in csv.DictReader(file)]
        for premise, hypothesis, label in rows:
            if label in partners:
                partners[label].setdefault(premise, set()).add(hypothesis)
                partners[label].setdefault(hypothesis, set()).add(premise)
                labels.setdefault(frozenset(map(fold, (premise, hypothesis))), set()).add(label)

    def usable(sentence: str, label: str) -> set[str]:
        pairs = {other: frozenset(map(fold, (sentence, other))) for other in partners[label].get(sentence, ())}
        return {other for other, pair in pairs.items() if len(pair) == 2 and len(labels[pair]) == 1}

    sentences = {*partners["ent"], *partners["cnt"]}
    expected = 2 * sum(bool(usable(one, "ent")) and bool(usable(one, "cnt")) for one in sentences)
    found = build(table, target="es", seed=1, dev_fraction=0.0).train
    assert len(found) == expected > 2000
    for anchor, positive, negative in zip(*(found[name].to_pylist() for name in TEXTS), strict=True):
        assert positive in usable(anchor, "ent")
        assert negative in usable(anchor, "cnt") | usable(positive, "cnt")


def test_scored_pairs_in_semevals_layout_are_scaled_for_training(tmp_path: Path) -> None:
    names = ("STS.input.a.txt", "STS.gs.a.txt")
    put(tmp_path, dict(zip(names, (b"cinco\tseis\nsiete\tocho\n", b"0\n2.5\n"), strict=True)))
    table, counts = read_scored("name", corpus("semeval_sts", *names, scale=[-2.5, 5.0]), tmp_path)
    assert table.to_pylist() == [
        {"sentence1": "cinco", "sentence2": "seis", "score": 1 / 3, "corpus": "name"},
        {"sentence1": "siete", "sentence2": "ocho", "score": 2 / 3, "corpus": "name"},
    ]
    assert counts == {"read": 2, "other_language": 0, "no_label": 0, "empty_sentence": 0}


def test_tsv_rows_of_no_use_are_left_out_and_counted_by_reason(tmp_path: Path) -> None:
    unlabelled, empty = b"es\t-\tHola.\tVengo.\tx\n", b"es\tneutral\t \tVengo.\tx\n"
    foreign = b"en\tneutral\tHello.\tI come.\tx\n" + b"en\t-\t\t\tx\n"
    table, counts = read(tmp_path, "xnli_tsv", XNLI + foreign + unlabelled + ROW + empty)
    assert sentences(table) == [("Hola.", "Vengo.")]
    assert counts == {"read": 3, "other_language": 2, "no_label": 1, "empty_sentence": 1}


def test_snlis_rows_without_a_gold_label_are_left_out_and_counted(tmp_path: Path) -> None:
    content = line(" Hola.\u3000") + line(label="-") + line(hypothesis="") + line("Vale.") + line(label="-")
    table, counts = read(tmp_path, "snli_jsonl", content)
    assert sentences(table) == [("Hola.", "Vengo."), ("Vale.", "Vengo.")]
    assert counts == {"read": 5, "other_language": 0, "no_label": 2, "empty_sentence": 1}


def test_the_declared_number_of_rows_counts_those_in_the_language_of_use_or_not(tmp_path: Path) -> None:
    put(tmp_path, {"c.txt": XNLI + ROW + ROW.replace(b"neutral", b"-") + ROW.replace(b"es", b"en")})
    table, _ = read_nli("name", corpus("xnli_tsv", "c.txt", rows=2), tmp_path)
    assert len(table) == 1


def test_a_character_that_json_escapes_as_a_pair_is_one_character(tmp_path: Path) -> None:
    table, _ = read(tmp_path, "snli_jsonl", line("@").replace(b"@", rb"\ud83d\ude00"))
    assert sentences(table) == [("😀", "Vengo.")]


def test_xnli_mt_spells_one_label_its_own_way(tmp_path: Path) -> None:
    rows = b"Hola.\tVengo.\tcontradictory\n" + b"Hola.\tVengo.\tentailment\n" + b"Hola.\tVengo.\tneutral\n"
    table, counts = read(tmp_path, "xnli_mt_tsv", MT + rows)
    assert table["label"].to_pylist() == ["contradiction", "entailment", "neutral"]
    assert table["language"].to_pylist() == ["es"] * 3
    assert counts["no_label"] == 0


def test_quotes_in_a_tsv_are_letters_and_swallow_no_tab_or_line(tmp_path: Path) -> None:
    table, _ = read(tmp_path, "xnli_mt_tsv", MT + b'"Hola\t"no" dijo\tneutral\n' + b"Que'\tsi\"\tneutral\n")
    assert sentences(table) == [('"Hola', '"no" dijo'), ("Que'", 'si"')]


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("xnli_tsv", XNLI + f"es\tneutral\t{ODD}\tVengo.\tx\r\n".encode()),
        ("xnli_mt_tsv", MT + f"{ODD}\tVengo.\tneutral".encode()),
        ("snli_jsonl", line(ODD)),
    ],
)
def test_only_a_line_feed_ends_a_row_and_a_mark_at_the_start_is_no_text(
    tmp_path: Path, kind: str, content: bytes
) -> None:
    for start in (b"", BOM):
        table, _ = read(tmp_path, kind, start + content)
        assert sentences(table) == [(ODD, "Vengo.")]


def test_scored_pairs_keep_their_order_lines_and_scores(tmp_path: Path) -> None:
    put(tmp_path, {"STS.input.b.txt": BOM + f"{ODD}\tdos\r\n tres\tcuatro\t2014\textra\r\n".encode()})
    put(tmp_path, {"STS.gs.b.txt": BOM + b"5\r\n \x1d0.25 \r\n"})
    put(tmp_path, {"STS.input.a.txt": b"cinco\tseis\nsiete\tocho", "STS.gs.a.txt": b"0\n1"})
    names = ("STS.gs.b.txt", "STS.input.b.txt", "STS.input.a.txt", "STS.gs.a.txt")
    table = read_sts("name", corpus("semeval_sts", *names, rows=4), tmp_path)
    assert table.schema == SCORED
    assert [tuple(row.values()) for row in table.to_pylist()] == [
        ("b", 1, ODD, "dos", 5.0),
        ("b", 2, "tres", "cuatro", 0.25),
        ("a", 1, "cinco", "seis", 0.0),
        ("a", 2, "siete", "ocho", 1.0),
    ]


def test_members_are_found_by_base_name_in_any_folder_and_macosx_holds_no_data(tmp_path: Path) -> None:
    one, two = XNLI + ROW, XNLI + ROW.replace(b"Hola", b"Vale")
    put(tmp_path, {"a.zip": zipped(("x/y/two.tsv", two), ("__MACOSX/x/one.tsv", b"\xff"), ("one.tsv", one))})
    table, counts = read_nli("name", corpus("xnli_tsv", "a.zip", members=("one.tsv", "two.tsv"), rows=2), tmp_path)
    assert table["premise"].to_pylist() == ["Hola.", "Vale."]
    assert table["corpus"].to_pylist() == ["name", "name"]
    assert counts["read"] == 2
