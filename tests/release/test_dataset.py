"""The training data as a dataset: what opens it, what its card says, and which rows may not go out."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from card_inputs import settings_of, stats_of
from datasets import List, Value, load_dataset
from huggingface_hub import DatasetCard
from markdown_inputs import attacked, bare, seen, shown
from publish_inputs import REPO, Hub, hub_with_token, run

from terna.errors import PublishError
from terna.records import CLASSED_PAIRS, PAIRS, TRIPLETS, TUPLES, read_table, sha256_of, write_table
from terna.release import dataset
from terna.release.card import data
from terna.settings import File, Settings

# the hub's client against its own library
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")

ROOT = Path(__file__).resolve().parents[2]
CARD = Path("dataset/README.md")
SCRIPT = "publish_data.py"


@pytest.fixture
def project(ready: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run up to the tokens, the working folder."""
    monkeypatch.chdir(shutil.copytree(ready, tmp_path / "project"))
    return tmp_path / "project"


@pytest.fixture
def hub() -> Iterator[Hub]:
    with hub_with_token() as hub:
        yield hub


@pytest.fixture
def refused(project: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """What the command says when it fails."""

    def call(*words: str) -> str:
        with pytest.raises(SystemExit) as caught:
            run(project, SCRIPT, *(words or (REPO,)))
        assert caught.value.code == 1
        return capsys.readouterr().err

    return call


def test_what_arrives_is_the_folder_which_opens_by_configuration_and_split(
    project: Path, hub: Hub, tmp_path: Path
) -> None:
    run(project, SCRIPT, REPO)
    [(message, files)] = hub.commits
    assert {made["type"] for made in hub.made} == {"dataset"}
    assert any(f"/api/datasets/{REPO}/commit/main" in path for path in hub.asked)
    assert message == f"{REPO}, made at commit unknown"
    (tmp_path / "came").mkdir()
    for name, content in files.items():
        path = tmp_path / "came" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    for split, table in (("train", "train"), ("validation", "dev")):
        rows = load_dataset(str(tmp_path / "came"), "triplets", split=split, cache_dir=str(tmp_path / "cache"))
        assert rows.features == {name: Value("string") for name in TRIPLETS.names}
        ours = read_table(Path(f"data/triplets/{table}.parquet"), TRIPLETS)
        assert rows.to_list() == ours.to_pylist()
        assert len(ours) > 0


def test_the_stage_s_own_tables_open_with_datasets_and_have_features(project: Path, tmp_path: Path) -> None:
    path = Path("data/triplets/tuples.parquet")
    write_table(pa.table([["a"], ["b"], [["c", "d"]], ["sample"]], schema=TUPLES), path, TUPLES)
    for name, features in {
        "train": {name: Value("string") for name in TRIPLETS.names},
        "tuples": {name: Value("string") for name in TUPLES.names} | {"negatives": List(Value("string"))},
    }.items():
        file = f"data/triplets/{name}.parquet"
        rows = load_dataset("parquet", data_files=file, split="train", cache_dir=str(tmp_path / "cache"))
        assert rows.features == features


def test_the_card_states_counts_licences_contamination_and_digests(project: Path) -> None:
    run(project, SCRIPT, REPO, "--dry-run")
    card = DatasetCard.load(CARD)
    assert (card.data.license, card.data.language, card.data.size_categories) == ("cc0-1.0", ["es"], ["n<1K"])
    text = CARD.read_text()
    counts = {name: len(read_table(Path(f"data/triplets/{name}.parquet"), TRIPLETS)) for name in ("train", "dev")}
    assert f"| triplets | train | anchor, positive, negative, corpus | {counts['train']} |" in text
    own = read_table(Path("data/triplets/train.parquet"), TRIPLETS)["corpus"].to_pylist().count("sample-jsonl")
    assert f"| sample-jsonl | {own} |" in text
    stats = json.loads(Path("data/triplets/stats.json").read_text())
    for name, found in stats["contamination"]["sentences"].items():
        assert f"| {name} | {found['exact']} | {found['near']} |" in text
    assert "Rows with such a sentence are left out." in text
    assert f"| `triplets/train.parquet` | `{sha256_of(Path('dataset/triplets/train.parquet'))}` |" in text
    assert '"drop_overlap": "near"' in text
    chain = json.loads(Path("dataset/lineage.json").read_text())["chain"]
    assert [link["stage"] for link in chain][-2:] == ["translate", "triplets"]
    assert chain[-1]["wrote"]["data/triplets/train.parquet"] == sha256_of(Path("data/triplets/train.parquet"))


def test_a_dry_run_is_the_same_bytes_again_and_asks_nobody(
    project: Path, hub: Hub, capsys: pytest.CaptureFixture[str]
) -> None:
    run(project, SCRIPT, REPO, "--dry-run")
    before = {name: sha256_of(path) for name, path in dataset.files().items()}
    run(project, SCRIPT, REPO, "--dry-run")
    assert {name: sha256_of(path) for name, path in dataset.files().items()} == before
    told = capsys.readouterr().out.splitlines()
    size = Path("dataset/triplets/train.parquet").stat().st_size
    assert f"{size:>15,}  triplets/train.parquet" in told
    assert told[-1] == "nothing was sent: --dry-run; it lies in dataset/"
    assert hub.asked == []
    run(project, SCRIPT, REPO, "--private")
    assert hub.made[0]["visibility"] == "private"


def test_tables_that_no_stage_wrote_so_and_names_that_are_none_are_refused(
    project: Path, hub: Hub, refused: Callable[..., str]
) -> None:
    assert "'solo' is not a repository name" in refused("solo")
    table = read_table(Path("data/triplets/train.parquet"), TRIPLETS)
    write_table(table.slice(1), Path("data/triplets/train.parquet"), TRIPLETS)
    assert "triplets: data/triplets/train.parquet has sha256" in refused()
    composed = Path("params.yaml")
    composed.write_text(composed.read_text().replace("overlap: 0.8", "overlap: 0.7"))
    assert "triplets: it ran with triplets.overlap = 0.8, but the settings here say 0.7" in refused()
    assert hub.asked == []


@pytest.mark.parametrize(
    ("licence", "checked", "may"),
    [
        ("CC-BY-NC-SA-4.0", False, True),
        ("unknown", False, False),
        ("unknown", True, True),
        ("mixed", False, False),
        ("CC-BY-ND-4.0", True, False),
        ("CC-BY-NC-ND-4.0", True, False),
    ],
)
def test_rows_go_out_only_where_their_licence_is_known_to_allow_it(licence: str, checked: bool, may: bool) -> None:
    corpora = default().corpora
    corpora = corpora | {"sample": replace(corpora["sample"], licence=licence)}
    if may:
        assert list(dataset.permitted(corpora, checked=checked, leave_out=False)) == ["sample", "sample-jsonl"]
        return
    with pytest.raises(PublishError, match=rf"sample \({licence}\): .* --leave-out; .* --licence-checked"):
        dataset.permitted(corpora, checked=checked, leave_out=False)
    assert list(dataset.permitted(corpora, checked=checked, leave_out=True)) == ["sample-jsonl"]


def test_what_is_left_out_leaves_no_pair_that_only_its_corpus_labels(project: Path) -> None:
    rows = [
        ("a", "b", "entailment", "free"),
        ("a", "c", "contradiction", "free"),
        ("d", "a", "contradiction", "kept"),
        ("e", "f", "entailment", "kept"),
    ]
    premise, hypothesis, label, corpus = zip(*rows, strict=True)
    pairs = pa.table([premise, hypothesis, label, ["es"] * 4, corpus], schema=PAIRS)
    write_table(pairs, Path("data/nli/pairs.parquet"), PAIRS)
    given = [("b", "a", "c", "free"), ("a", "b", "d", "free"), ("a", "b", "c", "free"), ("e", "f", "c", "kept")]
    table = pa.table([list(column) for column in zip(*given, strict=True)], schema=TRIPLETS)
    for name in ("train", "dev"):
        write_table(table, Path(f"data/triplets/{name}.parquet"), TRIPLETS)
    classed = pa.table([["x", "y"], ["z", "w"], ["0", "1"], ["free", "kept"]], schema=CLASSED_PAIRS)
    write_table(classed, Path("data/triplets/classed.parquet"), CLASSED_PAIRS)
    found = dataset.parts(["free"], every=False)
    # (b, c) is labelled by nobody, (a, d) by the other corpus alone
    assert found["triplets", "train"].to_pylist() == table.slice(2, 1).to_pylist()
    assert found["classed", "train"].to_pylist() == classed.slice(0, 1).to_pylist()
    assert {config for config, _ in found} == {"triplets", "classed"}
    assert dataset.parts(["free", "kept"], every=True)["triplets", "train"].equals(table)
    with pytest.raises(PublishError, match="no row is left of other"):
        dataset.parts(["other"], every=False)


@pytest.mark.slow
def test_the_command_leaves_out_what_it_may_not_send_and_says_so(project: Path) -> None:
    composed = Path("params.yaml")
    text = composed.read_text()
    assert text.count("licence: CC0-1.0") > 1
    composed.write_text(text.replace("licence: CC0-1.0", "licence: unknown", 1))
    environment = os.environ | {"HF_ENDPOINT": "http://127.0.0.1:9", "OMP_NUM_THREADS": "1"}
    for stage in ("translate", "triplets"):
        command = [sys.executable, f"pipelines/{stage}.py", "--config-path=..", "--config-name=params"]
        assert subprocess.run(command, env=environment, timeout=120).returncode == 0
    command = [sys.executable, f"pipelines/{SCRIPT}", REPO, "--dry-run"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert "PublishError: sample (unknown): " in done.stderr
    done = subprocess.run([*command, "--leave-out"], env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "without the rows of sample\n" in done.stdout
    rows = read_table(Path("dataset/triplets/train.parquet"), TRIPLETS)
    assert set(pc.unique(rows["corpus"]).to_pylist()) == {"sample-jsonl"}
    assert "Not here: the rows of sample (unknown), which may not be given away" in CARD.read_text()


@cache
def default() -> Settings:
    return settings_of(ROOT)


@cache
def card_with(text: str) -> str:
    """A card with `text` in what the declaration of a corpus leaves free."""
    settings = default()
    corpus = replace(settings.corpora["sample"], licence=text, citation=text)
    changed = replace(settings, corpora={"one": corpus, "two": replace(corpus, citation="Nobody.")})
    table = pa.table([["a"], ["b"], ["c"], ["one"]], schema=TRIPLETS)
    rows = {("triplets", "train"): table}
    return data.render(REPO, changed, {"one": corpus}, rows, stats_of(changed), {"a.parquet": "26" * 32}, commit=None)


def test_the_card_shows_a_file_outside_of_the_project_by_its_name() -> None:
    settings, folder = default(), "/home/somebody/secret"
    corpus = replace(settings.corpora["sample"], files=[File([f"{folder}/pairs.csv"])])
    changed = replace(settings, corpora={"one": corpus})
    rows = {("triplets", "train"): pa.table([["a"], ["b"], ["c"], ["one"]], schema=TRIPLETS)}
    card = data.render(REPO, changed, {"one": corpus}, rows, stats_of(changed), {"a.parquet": "26" * 32}, commit=None)
    assert folder not in card and '"pairs.csv"' in card


def body(card: str) -> tuple[list[str], str, list[tuple[str, str | None]]]:
    """What a browser makes of a card, without its front matter and what is in its code blocks."""
    return shown(re.sub(r"^(`{3,})(\w*)\n.*?^\1$", "", card.split("\n---\n", 1)[1], flags=re.M | re.S))


@attacked
def test_the_card_shows_every_text_as_it_is_and_has_no_other_tag(text: str) -> None:
    (tags, words, links), (plain_tags, plain_words, plain_links) = (body(card_with(one)) for one in (text, "plainword"))
    assert (tags, links) == (plain_tags, plain_links)
    assert bare(words) == bare(plain_words).replace("plainword", bare(seen(text)))
