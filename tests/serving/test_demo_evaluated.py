"""The verdict on the demo's page: found for a release and for the encoder that it was made from, and for no other."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from demo_inputs import Stub, send, served

from terna.errors import DataError
from terna.evaluation.verdict import Outcome, Verdict, read, write
from terna.records import sha256_of
from terna.serving.demo import evaluated

OPEN = Verdict("sts-es", "test", "cosine_pearson", "TF-IDF, characters", Outcome.OPEN, 0.71, 0.7, 0.01, [-0.02, 0.04])
BETTER = Verdict("sts-es", "test", "cosine_pearson", "TF-IDF, characters", Outcome.BETTER, 0.8, 0.7, 0.1, [0.05, 0.15])
UNDEFINED = Verdict("b", "development", "cosine_ap", "TF-IDF, words", Outcome.UNDEFINED, None, 0.5, None, [None, None])


@pytest.fixture
def release(tmp_path: Path) -> Callable[..., Path]:
    """A project with models/ and a release of it, as the stages leave them; returns the project's folder."""

    def make(*verdicts: Verdict) -> Path:
        for folder in ("models/encoder", "release/encoder/metrics"):
            (tmp_path / folder).mkdir(parents=True)
        made = tmp_path / "models" / "made.json"
        made.write_text('{"stage": "train"}')
        write(list(verdicts), tmp_path / "release" / "encoder" / "metrics" / "verdicts.json")
        lineage(tmp_path, sha256_of(made))
        return tmp_path

    return make


def lineage(root: Path, digest: str) -> None:
    stages = ["parallel", "translate", "triplets", "mine", "tokens", "teacher", "train", "evaluate", "release"]
    chain = [{"stage": stage, "read": {}, "wrote": {}} for stage in stages]
    chain[stages.index("train")]["record"] = {"models/made.json": digest}
    top = {"name": "x", "commit": None, "modified": [], "machine": "x", "packages": {}, "settings": {}, "chain": chain}
    (root / "release" / "lineage.json").write_text(json.dumps(top))


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    write([OPEN, BETTER, UNDEFINED], tmp_path / "verdicts.json")
    assert read(tmp_path / "verdicts.json") == [OPEN, BETTER, UNDEFINED]


@pytest.mark.parametrize("folder", ["models/encoder", "release/encoder"])
def test_a_project_s_encoder_and_its_release_have_the_verdict(release: Callable[..., Path], folder: str) -> None:
    found = evaluated.told(release(OPEN) / folder)
    assert found == {
        "proven": False,
        "verdicts": [
            {
                "benchmark": "sts-es",
                "use": "test",
                "outcome": "open",
                "baseline": "tfidf_chars",
                "score": "cosine_pearson",
                "figures": [0.71, 0.7, 0.01, -0.02, 0.04],
            }
        ],
    }


def test_a_copy_of_the_released_folder_has_it_too(release: Callable[..., Path], tmp_path: Path) -> None:
    copied = shutil.copytree(release(BETTER) / "release" / "encoder", tmp_path / "elsewhere" / "copy")
    found = evaluated.told(copied)
    assert found is not None
    assert found["proven"]


def test_a_development_benchmark_proves_nothing(release: Callable[..., Path]) -> None:
    found = evaluated.told(release(UNDEFINED) / "release" / "encoder")
    assert found is not None
    assert (found["proven"], found["verdicts"][0]["figures"]) == (False, [None, 0.5, None, None, None])


def test_a_foreign_folder_a_newer_training_and_a_folder_beside_have_none(release: Callable[..., Path]) -> None:
    root = release(OPEN)
    foreign = root / "some" / "model"
    foreign.mkdir(parents=True)
    assert evaluated.told(foreign) is None
    assert evaluated.told(root / "vectors.vec") is None
    lineage(root, "0" * 64)
    assert evaluated.told(root / "models" / "encoder") is None


def test_a_broken_verdict_is_refused_by_file(release: Callable[..., Path]) -> None:
    folder = release(OPEN) / "release" / "encoder"
    path = folder / "metrics" / "verdicts.json"
    for broken in ("{", '[{"benchmark": "x"}]', path.read_text().replace("not distinguishable from", "so-so")):
        path.write_text(broken)
        with pytest.raises(DataError, match=r"verdicts\.json"):
            evaluated.told(folder)


def test_the_page_begins_with_it() -> None:
    stub = Stub(lambda text: [1.0, float(len(text))])
    with served(stub, evaluated={"proven": False, "verdicts": []}) as server:
        assert send(server, "GET", "/api/example").found["evaluated"] == {"proven": False, "verdicts": []}
    with served(stub) as server:
        assert send(server, "GET", "/api/example").found["evaluated"] is None
