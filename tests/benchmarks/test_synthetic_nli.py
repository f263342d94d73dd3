"""The synthetic archives that benchmarks measure on: shaped, sized and repetitive as SNLI and MultiNLI are."""

import hashlib
import json
import re
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from statistics import mean
from typing import Any

import pytest
from corpora_inputs import corpus

from terna.data.corpora import read_nli

# what is published: rows of SNLI's three files and of MultiNLI's training rows
REAL = {
    "snli_1.0/snli_1.0_train.jsonl": 550_152,
    "snli_1.0/snli_1.0_dev.jsonl": 10_000,
    "snli_1.0/snli_1.0_test.jsonl": 10_000,
    "multinli_1.0/multinli_1.0_train.jsonl": 392_702,
}
TRAIN, MULTINLI = "snli_1.0/snli_1.0_train.jsonl", "multinli_1.0/multinli_1.0_train.jsonl"
LABELS = ("entailment", "neutral", "contradiction")
PARSED = {f"sentence{side}{kind}" for side in (1, 2) for kind in ("", "_parse", "_binary_parse")}


@pytest.fixture(scope="module")
def script(root: Path) -> Path:
    return root / "benchmarks" / "synthetic_nli.py"


@pytest.fixture(scope="module")
def make(script: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """A function that runs the script with arguments and returns the folder it wrote."""

    def call(*arguments: str) -> Path:
        folder = tmp_path_factory.mktemp("synthetic")
        subprocess.run([sys.executable, str(script), str(folder), *arguments], check=True, capture_output=True)
        return folder

    return call


@pytest.fixture(scope="module")
def small(make: Callable[..., Path]) -> Path:
    return make("--pairs", "2000")


@pytest.fixture(scope="module")
def larger(make: Callable[..., Path]) -> Path:
    return make("--pairs", "20000")


def lines(folder: Path, member: str) -> list[str]:
    with zipfile.ZipFile(folder / f"{member.split('/')[0]}.zip") as archive:
        return archive.read(member).decode().splitlines()


def rows(folder: Path, member: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines(folder, member)]


def digests(folder: Path) -> list[str]:
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())]


def test_the_members_are_those_of_the_originals_strays_included_and_bear_no_date(small: Path) -> None:
    members = [
        info for name in ("snli_1.0", "multinli_1.0") for info in zipfile.ZipFile(small / f"{name}.zip").filelist
    ]
    strays = ["__MACOSX/multinli_1.0/._multinli_1.0_train.jsonl", "multinli_1.0/Icon\r"]
    assert [info.filename for info in members] == [*REAL, *strays]
    assert {info.date_time for info in members} == {(1980, 1, 1, 0, 0, 0)}
    assert {info.compress_type for info in members} == {zipfile.ZIP_DEFLATED}


def test_rows_are_shared_out_in_proportion_and_add_up_exactly(small: Path) -> None:
    found = {member: len(lines(small, member)) for member in REAL}
    assert sum(found.values()) == 2000
    for member, count in REAL.items():
        assert abs(found[member] - 2000 * count / sum(REAL.values())) < 1.5


@pytest.mark.parametrize("pairs", [200, 54_321, sum(REAL.values())])
def test_the_whole_has_the_published_counts(script: Path, pairs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(script.parent))
    from synthetic_nli import sizes

    assert sum(sizes(pairs).values()) == pairs
    assert pairs < sum(REAL.values()) or sizes(pairs) == REAL


def test_a_fraction_is_a_number_of_rows(make: Callable[..., Path], small: Path) -> None:
    assert digests(make("--scale", str(2000 / sum(REAL.values())))) == digests(small)


def test_rows_have_the_keys_of_the_originals(small: Path) -> None:
    common = PARSED | {"annotator_labels", "gold_label", "pairID"}
    assert {frozenset(row) for row in rows(small, TRAIN)} == {frozenset(common | {"captionID"})}
    assert {frozenset(row) for row in rows(small, MULTINLI)} == {frozenset(common | {"genre", "promptID"})}
    for member in (TRAIN, MULTINLI):
        names = [row["pairID"] for row in rows(small, member)]
        assert len(set(names)) == len(names)


def test_parses_hold_the_words_of_their_sentence_and_close_what_they_open(small: Path) -> None:
    for row in rows(small, TRAIN)[:200]:
        words = row["sentence1"].removesuffix(".").split()
        binary, tree = row["sentence1_binary_parse"], row["sentence1_parse"]
        assert [word for word in binary.split() if word not in "()"] == [*words, "."]
        assert re.findall(r"\(\S+ ([^()\s]+)\)", tree) == [*words, "."]
        assert all(text.count("(") == text.count(")") for text in (binary, tree))


def test_most_bytes_are_parses_as_in_the_originals_that_have_850_a_row(larger: Path) -> None:
    found = lines(larger, TRAIN)
    assert 750 < mean(len(line.encode()) for line in found) < 950
    parses = sum(len(str(row[key])) for row in rows(larger, TRAIN) for key in row if key.endswith("parse"))
    assert parses > sum(map(len, found)) / 3


def test_premises_recur_as_captions_do_and_hypotheses_have_a_heavy_tail(larger: Path) -> None:
    found = rows(larger, TRAIN)
    premises = Counter(row["sentence1"] for row in found)
    hypotheses = Counter(row["sentence2"] for row in found)
    assert len(found) / len(premises) == pytest.approx(3.65, abs=0.03)
    # 480,000 of 570,000
    assert len(hypotheses) / len(found) == pytest.approx(0.842, abs=0.02)
    # thousands of 550,152
    assert 2000 < hypotheses.most_common(1)[0][1] * REAL[TRAIN] / len(found) < 8000
    multinli = rows(larger, MULTINLI)
    assert Counter(Counter(row["sentence1"] for row in multinli).values()).most_common(1)[0][0] == 3
    assert len(multinli) / len({row["promptID"] for row in multinli}) == pytest.approx(3, abs=0.01)


def test_a_premise_has_a_hypothesis_of_each_label(larger: Path) -> None:
    for member, key in ((TRAIN, "captionID"), (MULTINLI, "promptID")):
        labels: dict[str, Counter[str]] = {}
        for row in rows(larger, member):
            labels.setdefault(row[key], Counter())[row["gold_label"]] += 1
        whole = [counts for counts in labels.values() if "-" not in counts and sum(counts.values()) % 3 == 0]
        assert len(whole) > 0.95 * len(labels)
        assert all(len({counts[label] for label in LABELS}) == 1 for counts in whole)


def test_sentences_are_as_long_as_the_originals(larger: Path) -> None:
    for member, premise, hypothesis in ((TRAIN, 14.0, 8.3), (MULTINLI, 20.0, 10.0)):
        found = rows(larger, member)
        lengths = [len(row["sentence1"].split()) for row in found]
        assert mean(lengths) == pytest.approx(premise, rel=0.03)
        assert mean(len(row["sentence2"].split()) for row in found) == pytest.approx(hypothesis, rel=0.03)
        assert max(lengths) > (40 if member == TRAIN else 100)


def test_the_same_arguments_give_the_same_bytes_and_another_seed_or_language_others(
    make: Callable[..., Path], small: Path
) -> None:
    assert digests(make("--pairs", "2000")) == digests(small)
    for other in (("--seed", "1"), ("--language", "en")):
        assert not set(digests(make("--pairs", "2000", *other))) & set(digests(small))


def test_shuffling_keeps_the_rows_and_changes_their_order(make: Callable[..., Path], small: Path) -> None:
    shuffled = make("--pairs", "2000", "--shuffle", "3")
    for member in REAL:
        assert lines(shuffled, member) != lines(small, member)
        assert Counter(lines(shuffled, member)) == Counter(lines(small, member))


def test_the_parser_reads_every_row_and_leaves_out_those_without_a_label(larger: Path) -> None:
    for name in ("snli_1.0", "multinli_1.0"):
        members = [member for member in REAL if member.startswith(f"{name}/")]
        expected = [row for member in members for row in rows(larger, member)]
        labelled = [(r["sentence1"], r["sentence2"], r["gold_label"]) for r in expected if r["gold_label"] != "-"]
        declared = corpus("snli_jsonl", f"{name}.zip", members=tuple(Path(member).name for member in members))
        table, counts = read_nli(name, declared, larger)
        assert counts["read"] == len(expected)
        assert counts["no_label"] == len(expected) - len(labelled)
        columns = (table[column].to_pylist() for column in ("premise", "hypothesis", "label"))
        assert list(zip(*columns, strict=True)) == labelled


def test_a_few_rows_of_snli_have_no_label_and_none_of_multinli(larger: Path) -> None:
    share = 20_000 / sum(REAL.values())
    for member, published in zip(REAL, (785, 158, 176, 0), strict=True):
        assert sum(row["gold_label"] == "-" for row in rows(larger, member)) == pytest.approx(published * share, abs=1)


def test_too_few_rows_are_refused_before_anything_is_written(script: Path, tmp_path: Path) -> None:
    command = [sys.executable, str(script), str(tmp_path / "out"), "--pairs", "7"]
    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert "7 rows are too few" in refused.stderr
    assert not (tmp_path / "out").exists()
