"""What a release holds in the hub's own form of results, read by the hub's own library."""

import hashlib
import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from card_inputs import card_of, front_of, scores_of, settings_of
from huggingface_hub import EvalResultEntry, parse_eval_result_entries
from proof_inputs import edited, flip, git
from publish_inputs import made_up, to_break

from terna.errors import DataError
from terna.release import eval_results, hub, origin, verify
from terna.release.lineage import read_lineage
from terna.release.prove import DIFFERS, PROVED
from terna.release.prove.chain import chain
from terna.release.prove.proof import settings_of as stated_by
from terna.release.prove.released import read_released
from terna.release.prove.scores import on_the_hub
from terna.release.prove.scratch import lay
from terna.settings import HubDataset, Settings

STS22 = "+benchmarks@evaluate.benchmarks=sts22_es"
FILE = "encoder/.eval_results/sts22-es.yaml"
REPO = "alguien/terna-prueba"


@pytest.fixture(scope="module")
def made(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a made-up run on STS22 beside the sample's benchmarks, and its release."""
    return made_up(root, tmp_path_factory.mktemp("made"), [STS22])


@pytest.fixture
def release(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return to_break(made, tmp_path, monkeypatch)


def on_sts22(root: Path, **changes: Any) -> Settings:
    """Settings with STS22 among the benchmarks; changes: of its declaration."""
    settings = settings_of(root, STS22)
    found = settings.evaluate.benchmarks
    found = {**found, "sts22-es": replace(found["sts22-es"], **changes)}
    return replace(settings, evaluate=replace(settings.evaluate, benchmarks=found))


def read(text: str) -> EvalResultEntry:
    [entry] = parse_eval_result_entries(yaml.safe_load(text))
    return entry


def test_the_hubs_own_reader_finds_dataset_task_score_and_source(root: Path) -> None:
    settings = on_sts22(root)
    settings = replace(settings, release=replace(settings.release, repo=REPO))
    scores = scores_of(settings)
    scores["sts22-es"]["cosine_spearman"] = 0.61234567
    found = eval_results.texts(settings, scores, "2026-11-30")
    assert list(found) == ["sts22-es.yaml"]
    assert read(found["sts22-es.yaml"]) == EvalResultEntry(
        dataset_id="mteb/sts22-crosslingual-sts",
        task_id="STS22.v2_es_test",  # as mteb's task.push_eval_to_hub writes it
        value=61.23457,
        dataset_revision="d31f33a128469b20e357535c39b82fb3c3f6f2bd",
        date="2026-11-30",
        source_url=f"https://huggingface.co/{REPO}",
        notes="cosine_spearman in percent, computed by terna",
    )


def test_without_a_repository_or_a_commit_neither_source_nor_date_is_stated(root: Path) -> None:
    settings = on_sts22(root)
    entry = read(eval_results.texts(settings, scores_of(settings), None)["sts22-es.yaml"])
    assert (entry.source_url, entry.date) == (None, None)


DATASET = HubDataset("mteb/sts22-crosslingual-sts", "d31f33a128469b20e357535c39b82fb3c3f6f2bd", "es", "test")


@pytest.mark.parametrize(
    "changes",
    [
        {"dataset": replace(DATASET, revision="de9d86b3b84231dc21f76c7b7af1f28e2f57f6e3")},
        {"dataset": replace(DATASET, revision=None), "exact": False},
        {"dataset": replace(DATASET, name="mteb/otra-cosa")},
        {"dataset": replace(DATASET, files=["es/test.parquet"])},
        {"dataset": None},
        {"role": "development"},
    ],
)
def test_what_is_not_the_whole_task_has_no_entry(root: Path, changes: dict[str, Any]) -> None:
    settings = on_sts22(root, **changes)
    assert eval_results.texts(settings, scores_of(settings), None) == {}


def test_an_undefined_score_has_no_entry(root: Path) -> None:
    settings = on_sts22(root)
    scores = scores_of(settings)
    scores["sts22-es"]["cosine_spearman"] = None
    assert eval_results.texts(settings, scores, None) == {}


def test_the_declaration_of_the_project_is_the_one_that_has_a_task(root: Path) -> None:
    files = [yaml.safe_load(path.read_text()) for path in (root / "conf/benchmarks").glob("*.yaml")]
    declared = {name: HubDataset(**one["dataset"]) for file in files for name, one in file.items() if "dataset" in one}
    assert declared == {"sts22-es": DATASET}
    assert eval_results.task_of(settings_of(root).evaluate.benchmarks["sts-sample-test"]) is None


def test_the_card_says_which_part_of_a_dataset_was_scored(root: Path) -> None:
    settings = on_sts22(root)
    results = front_of(card_of(settings, scores=scores_of(settings)))["model-index"][0]["results"]
    found = {one["dataset"].pop("name"): one["dataset"] for one in results}
    assert found["sts22-es"] == {
        "type": DATASET.name,
        "config": DATASET.config,
        "split": DATASET.split,
        "revision": DATASET.revision,
    }
    assert found["sts-sample-test"] == {"type": "sts-sample-test"}


def test_the_date_is_that_of_the_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_COMMITTER_DATE", "2025-03-04T05:06:07+0000")
    git(tmp_path, "init", "-q")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "x")
    commit = subprocess.check_output(["git", "rev-parse", "HEAD"], cwd=tmp_path, text=True).strip()
    assert origin.date(tmp_path, commit) == "2025-03-04"
    for unknown in (None, "ab" * 20, f"--output={tmp_path / 'x'}"):
        assert origin.date(tmp_path, unknown) is None
    assert [path.name for path in tmp_path.iterdir()] == [".git"]


def test_the_file_is_in_the_lineage_and_goes_to_the_hubs_folder(release: Path, made: Path) -> None:
    lineage = read_lineage(release / "lineage.json")
    stated = lineage.chain[-1].wrote[f"release/{FILE}"]
    assert stated == hashlib.sha256((release / FILE).read_bytes()).hexdigest()
    assert hub.files(lineage)[".eval_results/sts22-es.yaml"] == Path("release") / FILE
    scored = json.loads((release / "metrics/sts.json").read_text())["sts22-es"]["cosine_spearman"]
    assert read((release / FILE).read_text()).value == pytest.approx(100 * scored, abs=1e-5)
    assert len(list(verify.check(lineage.chain, made, False))) == len(lineage.chain)


def test_a_flipped_score_is_named_by_verify_and_by_prove(release: Path, tmp_path: Path) -> None:
    flip(release / FILE)
    released = read_released(str(release))
    with pytest.raises(DataError, match=rf"release: release/{FILE} has sha256"):
        list(verify.check([released.links["release"]], tmp_path, False, known={}))
    lay(released, tmp_path / "scratch")
    findings = chain(released, stated_by(released.lineage, Path("params.yaml")), tmp_path / "scratch")
    assert [one.what for one in findings if one.verdict == DIFFERS] == [f"release: release/{FILE}"]


def test_a_score_that_the_whole_chain_states_is_held_by_the_figures(release: Path) -> None:
    settings, path = stated_by(read_lineage(release / "lineage.json"), Path("params.yaml")), f"release/{FILE}"
    due = eval_results.texts(settings, json.loads((release / "metrics/sts.json").read_text()), None)
    assert [(one.verdict, one.what) for one in on_the_hub(read_released(str(release)), due)] == [(PROVED, path)]

    better = due["sts22-es.yaml"].replace("value: ", "value: 9")
    (release / FILE).write_text(better)
    digest = hashlib.sha256(better.encode()).hexdigest()
    edited(release, lambda _, links: links["release"]["wrote"].update({path: digest}))
    [found] = on_the_hub(read_released(str(release)), due)
    number = next(n for n, line in enumerate(better.splitlines(), 1) if "value" in line)
    assert (found.verdict, found.what) == (DIFFERS, f"{path}, line {number}")
    assert found.expected in due["sts22-es.yaml"] and found.found in better

    [extra] = on_the_hub(read_released(str(release)), {})
    assert (extra.verdict, extra.what, extra.expected) == (DIFFERS, path, None)
    (release / FILE).unlink()
    [lacking] = on_the_hub(read_released(str(release)), due)
    assert (lacking.verdict, lacking.what, lacking.found) == (DIFFERS, path, None)
