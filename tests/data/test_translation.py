"""Each distinct sentence once, as transformers translates it alone; whatever the order, and whoever does the work."""

import logging
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer
from translator_inputs import CPU, SENTENCES, save_m2m100, save_marian, save_nllb, settings

from terna.data.translation import degenerate, translate
from terna.data.translation.decoder import Decoder
from terna.settings import Machine

CODES = {"m2m100": {"en": "en", "es": "es"}, "nllb": {"en": "eng_Latn", "es": "spa_Latn"}}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def marian(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_marian(tmp_path_factory.mktemp("marian") / "checkpoint", tmp_path_factory.mktemp("fitted"))


@pytest.fixture(scope="session")
def many(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {
        "m2m100": save_m2m100(tmp_path_factory.mktemp("m2m") / "checkpoint", tmp_path_factory.mktemp("fitted")),
        "nllb": save_nllb(tmp_path_factory.mktemp("nllb") / "checkpoint"),
    }


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[tuple[int, ...]]:
    """How often each sentence, as its token ids, is put to the model."""
    counts: Counter[tuple[int, ...]] = Counter()
    original = Decoder.__call__

    def count(self: Decoder, rows: list) -> list:
        counts.update(tuple(row.tolist()) for row in rows)
        return original(self, rows)

    monkeypatch.setattr(Decoder, "__call__", count)
    return counts


def alone(checkpoint: Path, beams: int, codes: dict[str, str] | None = None) -> dict[str, tuple[str, bool]]:
    """Each sentence by itself, as transformers' documentation has it, and whether it ends before its last token."""
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    model = AutoModelForSeq2SeqLM.from_pretrained(checkpoint)
    model.generation_config.max_length = None
    forced = {}
    if codes:
        tokenizer.src_lang = codes["en"]
        code = f"__{codes['es']}__" if codes == CODES["m2m100"] else codes["es"]
        forced = {"forced_bos_token_id": tokenizer.convert_tokens_to_ids(code)}
    made = {}
    for text in SENTENCES:
        inputs = tokenizer(text, return_tensors="pt", truncation=True, max_length=30)
        found = model.generate(**inputs, num_beams=beams, max_new_tokens=30, do_sample=False, **forced)[0]
        ended = model.generation_config.eos_token_id in found[1:30].tolist()
        made[text] = (tokenizer.decode(found, skip_special_tokens=True), ended)
    return made


def raw(work: Path) -> dict[str, tuple[str, bool]]:
    """What stands in the shards: each sentence's translation, unchanged, and whether it ended."""
    rows = [row for path in sorted(work.iterdir()) for row in pq.read_table(path).to_pylist()]
    assert len(rows) == len(SENTENCES)
    return {row["source"]: (row["target"], row["ended"]) for row in rows}


@pytest.mark.parametrize("beams", [1, 3])
def test_each_sentence_has_the_translation_that_it_has_alone(marian: Path, tmp_path: Path, beams: int) -> None:
    expected = alone(marian, beams)
    assert {ended for _, ended in expected.values()} == {True, False}
    made = translate(SENTENCES, "en", settings(marian, beams=beams), CPU, tmp_path)
    assert raw(tmp_path) == expected
    reasons = {text: degenerate(text, target, ended=ended) for text, (target, ended) in expected.items()}
    assert {None, "too_long"} <= set(reasons.values())
    assert dict(zip(made.table["source"].to_pylist(), made.table["reason"].to_pylist(), strict=True)) == reasons
    kept = {text: None if reasons[text] else target for text, (target, _) in expected.items()}
    assert dict(zip(made.table["source"].to_pylist(), made.table["target"].to_pylist(), strict=True)) == kept


@pytest.mark.parametrize("kind", ["m2m100", "nllb"])
def test_a_model_of_many_languages_reads_and_writes_those_that_are_set(
    many: dict[str, Path], tmp_path: Path, kind: str
) -> None:
    there, back = CODES[kind], {"en": CODES[kind]["es"], "es": CODES[kind]["en"]}
    expected = alone(many[kind], 3, there)
    assert len(set(expected.values())) > len(SENTENCES) // 2, "or there would be little to compare"
    translate(SENTENCES, "en", settings(many[kind], codes=there), CPU, tmp_path / "there")
    assert raw(tmp_path / "there") == expected
    assert not any("__" in text or "_Latn" in text for text, _ in expected.values()), "a code is no word"
    translate(SENTENCES, "en", settings(many[kind], codes=back), CPU, tmp_path / "back")
    assert raw(tmp_path / "back") != expected


def test_the_table_has_each_distinct_sentence_once_sorted_and_a_target_or_a_reason(
    marian: Path, tmp_path: Path, calls: Counter[tuple[int, ...]]
) -> None:
    table = translate(SENTENCES, "en", settings(marian), CPU, tmp_path).table
    assert table.column_names == ["source", "target", "reason"]
    assert table["source"].to_pylist() == sorted(SENTENCES)
    assert [(target is None) != (reason is None) for _, target, reason in rows(table)] == [True] * len(SENTENCES)
    assert set(table["reason"].to_pylist()) <= {None, "empty", "copied", "looping", "too_long"}
    tokenizer = AutoTokenizer.from_pretrained(marian)
    assert calls == Counter(tuple(tokenizer(text, truncation=True, max_length=30).input_ids) for text in SENTENCES)


def rows(table: object) -> list[tuple[str, str | None, str | None]]:
    return [tuple(row.values()) for row in table.to_pylist()]  # type: ignore[attr-defined]


def contents(work: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in work.iterdir()}


def test_another_order_gives_the_same_files_and_table(marian: Path, tmp_path: Path) -> None:
    first = translate(SENTENCES, "en", settings(marian), CPU, tmp_path / "first")
    second = translate(SENTENCES[::-1], "en", settings(marian), CPU, tmp_path / "second")
    assert first == second
    assert contents(tmp_path / "first") == contents(tmp_path / "second")


def test_batches_keep_to_their_tokens_and_shards_to_their_sentences(
    marian: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[tuple[int, int]] = []
    original = Decoder.__call__

    def measure(self: Decoder, rows: list) -> list:
        sizes.append((len(rows), max(map(len, rows))))
        return original(self, rows)

    monkeypatch.setattr(Decoder, "__call__", measure)
    translate(SENTENCES, "en", settings(marian, batch_tokens=40), CPU, tmp_path)
    assert all(count * longest <= 40 or count == 1 for count, longest in sizes)
    assert max(count for count, _ in sizes) > 1
    assert [longest for _, longest in sizes] == sorted((longest for _, longest in sizes), reverse=True)
    assert len(contents(tmp_path)) == -(-len(SENTENCES) // 4)


@pytest.mark.slow
def test_two_processes_give_the_bytes_of_one_and_leave_torchs_threads_alone(
    marian: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    torch.set_num_threads(2)
    one = translate(SENTENCES, "en", settings(marian), CPU, tmp_path / "one")
    assert torch.get_num_threads() == 2
    two = translate(SENTENCES, "en", settings(marian), Machine("cpu", 1, 1, 200, 2, True, 1800), tmp_path / "two")
    assert one == two
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert capfd.readouterr() == ("", ""), "no bar where there is no terminal, and no warning"


def test_transformers_has_nothing_to_warn_of(
    marian: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("transformers"), "propagate", True)
    for beams in (1, 3):
        translate(SENTENCES, "en", settings(marian, beams=beams), CPU, tmp_path)
    assert [record.message for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_weights_are_of_the_precision_that_is_set(
    marian: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, precision: str
) -> None:
    seen: set[torch.dtype] = set()
    original = Decoder.__call__

    def look(self: Decoder, rows: list) -> list:
        seen.update(parameter.dtype for parameter in self._model.parameters())
        return original(self, rows)

    monkeypatch.setattr(Decoder, "__call__", look)
    made = translate(SENTENCES, "en", settings(marian, precision=precision), CPU, tmp_path)
    assert seen == {getattr(torch, precision)}
    assert len(made.table) == len(SENTENCES)
