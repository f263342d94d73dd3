"""The whole line, on ten rows: every script, in order, by hand."""

import contextlib
import errno
import hashlib
import itertools
import json
import os
import re
import runpy
import shutil
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
import yaml
from documented import programs
from folder_inputs import transformers_folder
from pyarrow import csv
from safetensors.torch import load_file, save_file
from sentence_transformers import SentenceTransformer
from stages import STAGES, stages_before
from translator_inputs import SENTENCES, save_marian

from terna import Encoder
from terna.evaluation.verdict import read as read_verdicts
from terna.sentences import fold
from terna.serving.demo import evaluated
from terna.training import trainer

SHAPE = "{vocab_size:300,hidden_size:16,layers:1,heads:2,intermediate_size:32}"
OVERRIDES = (
    "experiment=scratch",
    "corpora=ten",
    "evaluate=ten",
    "triplets=all",
    f"model.scratch={SHAPE}",
    "model.max_length=32",
    "train.batch_size=3",
    "train.epochs=2",
    "machine.progress=false",
)
PAIRS = [
    (
        "Llueve en el puerto.",
        "Cae agua sobre el muelle.",
        "Los barcos siguen amarrados.",
        "El cielo está despejado allí.",
    ),
    ("Ana vendió la bici.", "Ana ya no tiene la bici.", "Ana necesitaba dinero.", "Ana conserva su bici."),
    ("El tren sale a las ocho.", "Hay un tren a las ocho.", "El tren va lleno.", "El tren parte a las diez."),
]
SCORED = [
    ("La sopa está fría.", "El caldo se enfrió.", 4.2),
    ("La sopa está fría.", "El perro ladra mucho.", 0.0),
    ("El río creció de noche.", "De madrugada subió el río.", 4.6),
    ("El río creció de noche.", "El río bajó de día.", 1.8),
]


@pytest.fixture
def project(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the project's scripts and settings, with a corpus of ten rows and benchmarks of four pairs."""
    for folder in ("conf", "pipelines"):
        shutil.copytree(root / folder, tmp_path / folder)
    rows = [f"es\t{p}\t{h}\t{label}" for p, *hs in PAIRS for h, label in zip(hs, LABELS, strict=True)]
    text = "\n".join(["language\tsentence1\tsentence2\tgold_label", *rows, "en\tIt rains.\tRain falls.\tentailment"])
    declare(tmp_path, "ten", {"ten.tsv": text + "\n"}, format="xnli_tsv", rows=9)
    for name, role in (("four-dev", "development"), ("four-test", "test")):
        pairs = "".join(f"{a}{role[0]}\t{b}\n" for a, b, _ in SCORED)
        gold = "".join(f"{score}\n" for _, _, score in SCORED)
        files = {f"{name}/STS.input.x.txt": pairs, f"{name}/STS.gs.x.txt": gold}
        declare(tmp_path, name, files, format="semeval_sts", role=role)
    (tmp_path / "conf" / "evaluate" / "ten.yaml").write_text(
        "defaults:\n  - /corpora/four-dev@benchmarks\n  - /corpora/four-test@benchmarks\n  - _self_\n"
        "select_on: four-dev\nreplication: false\nmain_score: cosine_pearson\nsystems: {}\nreported: []\n"
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


LABELS = ("entailment", "neutral", "contradiction")


def declare(project: Path, name: str, files: dict[str, str], group: str = "corpora", **fields: object) -> None:
    described = []
    for path, text in files.items():
        file = project / "raw" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        digest = hashlib.sha256(text.encode()).hexdigest()
        described.append({"addresses": [f"raw/{path}"], "sha256": [digest]})
    corpus = {"language": "es", "licence": "CC0-1.0", "citation": "made in a test", "files": described, **fields}
    (project / "conf" / group / f"{name}.yaml").write_text(yaml.safe_dump({name: corpus}, allow_unicode=True))


@pytest.fixture
def run(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """A function that runs a stage as a person would, in this process."""
    before = dict(os.environ)

    def call(stage: str, *overrides: str) -> None:
        monkeypatch.setattr(sys, "argv", [str(project / "pipelines" / f"{stage}.py"), *OVERRIDES, *overrides])
        runpy.run_path(sys.argv[0], run_name="__main__")

    yield call
    for name in set(os.environ) - set(before):
        del os.environ[name]


def digests(*folders: str) -> dict[str, str]:
    files = sorted(path for folder in folders for path in Path(folder).rglob("*") if path.is_file())
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_raw_corpora_in_a_scored_encoder_out(
    project: Path, run: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    said = {}
    for stage in STAGES:
        run(stage)
        [said[stage]] = capsys.readouterr().out.splitlines()
        assert said[stage].startswith(f"{stage}: ")
    stats = json.loads(Path("data/triplets/stats.json").read_text())
    assert stats["total"]["triplets_train"] == 6
    assert stats["corpora"]["ten"]["read"] == 9
    assert stats["corpora"]["ten"]["other_language"] == 1
    made = {stage: json.loads(Path(f"data/{stage}/made.json").read_text()) for stage in ("triplets", "tokens")}
    known = stats["sha256_out"]["positives.parquet"]
    assert made["triplets"]["wrote"]["data/triplets/positives.parquet"] == known
    assert made["tokens"]["read"]["data/triplets/positives.parquet"] == known
    record = json.loads(Path("metrics/train.json").read_text())
    assert record["steps_per_epoch"] == [1, 1] or record["steps"] == sum(record["steps_per_epoch"])
    figures = json.loads(Path("metrics/sts.json").read_text())["four-test"]
    table = pq.read_table("predictions/four-test.parquet")
    expected = np.corrcoef(table["gold"], table["cosine"])[0, 1]
    assert figures["cosine_pearson"] == pytest.approx(expected, abs=1e-9)
    assert "this model" in Path("reports/results.md").read_text()
    assert f"{figures['cosine_pearson']:.6f}" in Path("reports/index.html").read_text()
    shipped = SentenceTransformer("release/encoder", device="cpu").encode(["Hola."])
    np.testing.assert_allclose(shipped, Encoder.load(Path("models/encoder")).encode(["Hola."]), atol=1e-5)
    assert "# terna-sample" in Path("release/README.md").read_text()
    verdict, *_ = read_verdicts(Path("release/encoder/metrics/verdicts.json"))
    assert (verdict.benchmark, verdict.ours) == ("four-test", figures["cosine_pearson"])
    assert evaluated.told(Path("models/encoder")) == evaluated.told(Path("release/encoder"))
    assert evaluated.told(Path("models/encoder")) is not None
    assert not list(project.rglob("*.part"))
    assert said["triplets"] == (
        f"triplets: {stats['total']['pairs']} pairs read, 0 left out for a benchmark's sake, 6 triplets to train on, "
        f"{stats['total']['triplets_dev']} held out"
    )
    steps, best, score = record["steps"], record["selected_step"], record["selected_score"]
    gain = re.escape(f"{score - record['start_score']:+.4f} over the start")
    assert re.fullmatch(
        rf"train: {steps} steps in \d+ s, best at step {best}: cosine_pearson {score:.4f} on four-dev, "
        rf"{gain} \(95 % interval .*\)(: not shown to be better)?",
        said["train"],
    )
    assert f"cosine_pearson {figures['cosine_pearson']:.3f} on four-test" in said["evaluate"]


SCORED_CSV: dict[str, Any] = {
    "format": "columns",
    "shape": "scored",
    "columns": {"sentence1": 0, "sentence2": 1, "score": 2},
}
WORDS = ("A", "Mar", "Pan", "Río", "Sal", "Sol", "Té")
GRADED = [(word, f"{word}, {place}", place / 2) for place, word in enumerate(WORDS)]


@pytest.mark.parametrize(("mix", "triplets"), [("graded", False), ("both", True)])
def test_scored_pairs_are_trained_on_alone_and_beside_triplets_and_a_benchmark_s_are_left_out(
    project: Path, run: Callable[..., None], capsys: pytest.CaptureFixture[str], mix: str, triplets: bool
) -> None:
    rows = [*GRADED, ("La sopa está fría.d", "Algo más.", 5.0)]  # the last has a sentence of four-dev
    text = "".join(f'{first},"{second}",{score}\n' for first, second, score in rows)
    declare(project, "graded", {"graded.csv": text}, **SCORED_CSV, rows=8)
    (project / "conf" / "corpora" / "both.yaml").write_text("defaults:\n  - ten\n  - graded\n")
    asked = (f"corpora={mix}", "triplets.drop_overlap=exact", "train.epochs=1")
    said = {}
    for stage in STAGES:
        run(stage, *asked)
        [said[stage]] = capsys.readouterr().out.splitlines()
    read = 9 * triplets + 8
    assert said["triplets"] == (
        f"triplets: {read} pairs read, 1 left out for a benchmark's sake, {6 * triplets} triplets to train on, "
        "0 held out, 7 scored pairs to train on"
    )
    table = pq.read_table("data/triplets/scored.parquet").to_pylist()
    assert [tuple(row.values()) for row in table] == sorted((a, b, score / 5, "graded") for a, b, score in GRADED)
    stats = json.loads(Path("data/triplets/stats.json").read_text())
    assert stats["corpora"]["graded"]["read"] == stats["corpora"]["graded"]["kept"] == 8
    assert (stats["corpora"]["graded"]["overlap_dropped"], stats["total"]["scored_pairs"]) == (1, 7)
    shared = csv.read_csv("data/triplets/contamination.csv").to_pylist()
    assert [(row["sentence"], row["corpora"], row["benchmark"]) for row in shared if row["kind"] == "exact"] == [
        ("La sopa está fría.d", "graded", "four-dev")
    ]
    record = json.loads(Path("metrics/train.json").read_text())
    assert (record["scored_pairs"], record["scored_pairs_left_out_per_epoch"]) == (7, [1])
    assert record["losses"] == [*(["ranking"] if triplets else []), "CoSENT"]
    assert record["steps"] == sum(record["steps_per_epoch"]) == 2 + (record.get("triplets_steps_per_epoch") or [0])[0]
    card, page = (Path(path).read_text() for path in ("release/README.md", "reports/index.html"))
    assert "on 7 scored pairs of sentences by [CoSENT]" in card
    assert ("triplets drawn from natural language inference" in card) == triplets
    assert "Scored pairs to train on: 7." in card and "Scored pairs to train on: 7." in page


def test_every_shape_goes_through_to_clean_tables_with_its_accounts(
    project: Path, run: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    shared = "La sopa está fría.d"  # a sentence of four-dev
    files = {
        "pairs": f"anchor,positive\nSol,Luna\nMar,Sal\n{shared},Pan\nRío,RÍO\n",
        "triplets": f"anchor,positive,neg1,neg2\nUno,Dos,Tres,Cuatro\nUno,Dos,Cinco,{shared}\nUno,Dos,Seis,uno\n",
        "classed": f"sentence1,sentence2,class\nSol,Luna,3\nMar,{shared},2\n,Sol,1\n",
        "texts": f"text\nVerde\n{shared}\nAzul\n",
    }
    for shape, text in files.items():
        declare(project, f"my-{shape}", {f"{shape}.csv": text}, format="columns", shape=shape)
    mix = "".join(f"  - my-{shape}\n" for shape in files)
    (project / "conf" / "corpora" / "shapes.yaml").write_text(f"defaults:\n  - ten\n{mix}")
    for stage in STAGES[: STAGES.index("triplets") + 1]:
        run(stage, "corpora=shapes", "triplets.drop_overlap=exact")
    tables = {name: pq.read_table(f"data/triplets/{name}.parquet") for name in ("tuples", "classed", "texts", "scored")}
    assert [tuple(row.values()) for row in tables["tuples"].to_pylist()] == [
        ("Mar", "Sal", [], "my-pairs"),
        ("Sol", "Luna", [], "my-pairs"),
        ("Uno", "Dos", ["Tres", "Cuatro"], "my-triplets"),
    ]
    assert tables["classed"].to_pylist() == [
        {"sentence1": "Sol", "sentence2": "Luna", "class": "3", "corpus": "my-classed"}
    ]
    assert tables["texts"]["text"].to_pylist() == ["Azul", "Verde"]
    assert not len(tables["scored"])
    stats = json.loads(Path("data/triplets/stats.json").read_text())
    kept = {name: one["kept"] for name, one in stats["corpora"].items()}
    assert kept == {"ten": 9, "my-pairs": 4, "my-triplets": 3, "my-classed": 2, "my-texts": 3}
    assert {name: one["overlap_dropped"] for name, one in stats["corpora"].items() if name != "ten"} == dict.fromkeys(
        ("my-pairs", "my-triplets", "my-classed", "my-texts"), 1
    )
    assert (stats["corpora"]["my-classed"]["read"], stats["corpora"]["my-classed"]["empty_sentence"]) == (3, 1)
    counts = {"tuples": 3, "classed_pairs": 1, "texts": 2, "tuples_of_one_text": 2}
    assert {name: stats["total"].get(name) for name in counts} == counts
    sentences = pq.read_table("data/triplets/sentences.parquet")["sentence"].to_pylist()
    assert {"Sol", "Cuatro", "Azul", "Seis"} <= set(sentences) and shared not in sentences
    rows = csv.read_csv("data/triplets/contamination.csv").to_pylist()
    assert [row["corpora"] for row in rows if row["kind"] == "exact"] == ["my-classed my-pairs my-texts my-triplets"]
    assert capsys.readouterr().out.splitlines()[-1] == (
        "triplets: 21 rows read, 4 left out for a benchmark's sake, 2 left out for having one text twice, 6 triplets "
        "to train on, 0 held out, 3 tuples to train on, 1 classed pairs to train on, 2 texts to train on"
    )


@pytest.mark.parametrize("mix", ["graded", "both"])
def test_scored_pairs_that_all_have_a_benchmark_s_sentence_are_refused(
    project: Path, run: Callable[..., None], capsys: pytest.CaptureFixture[str], mix: str
) -> None:
    text = "La sopa está fría.d,Algo más.,5\nOtra cosa.,La sopa está fría.d,0\n"
    declare(project, "graded", {"graded.csv": text}, **SCORED_CSV)
    (project / "conf" / "corpora" / "both.yaml").write_text("defaults:\n  - ten\n  - graded\n")
    for stage in STAGES[:3]:
        run(stage, f"corpora={mix}", "triplets.drop_overlap=exact")
    with pytest.raises(SystemExit):
        run("triplets", f"corpora={mix}", "triplets.drop_overlap=exact")
    assert "no scored pair is left: each has a sentence of a benchmark" in capsys.readouterr().err


BROKEN = {
    "removed": lambda path: path.unlink(),
    "emptied": lambda path: path.write_bytes(b""),
    "truncated": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
}
# what a stage reads beside what its record names
READ_TOO = {
    "train": ["data/raw/sts/four-dev/STS.gs.x.txt"],
    "release": ["metrics/sts.json", "metrics/train.json", "data/triplets/stats.json", "models/made.json"],
    "report": [
        *("metrics/sts.json", "metrics/diagnosis.json", "plots/loss.csv", "release/lineage.json"),
        "data/triplets/train.parquet",
    ],
}


@pytest.mark.slow
@pytest.mark.parametrize("stage", STAGES[1:])
def test_no_stage_has_a_traceback_for_an_input_that_is_broken(
    project: Path, run: Callable[..., None], capsys: pytest.CaptureFixture[str], stage: str
) -> None:
    for each in STAGES[: STAGES.index(stage) + 1]:
        run(each)
    records = {json.loads(path.read_text())["stage"]: path for path in project.rglob("made.json")}
    read = list(json.loads(records[stage].read_text())["read"]) if stage in records else []
    for name in [*read, *READ_TOO.get(stage, [])]:
        path, whole = Path(name), Path(name).read_bytes()
        for damage, do in BROKEN.items():
            do(path)
            capsys.readouterr()
            with contextlib.suppress(SystemExit):  # what the stage does not look into may be broken
                run(stage)
            told = capsys.readouterr().err
            assert "Traceback" not in told, f"{name}, {damage}: {told}"
            path.rmdir() if path.is_dir() else path.unlink(missing_ok=True)
            path.write_bytes(whole)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "status", "message"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device"),
            1,
            ": No space left on device; free some space, then",
        ),
        (
            PermissionError(errno.EACCES, "Permission denied", "data"),
            1,
            "OSError: data: Permission denied; remove the cause",
        ),
        (
            shutil.Error([("a", "b", "[Errno 28] No space left on device: 'a' -> 'b'"), ("c", "d", "a socket")]),
            1,
            "OSError: a (and 1 more), copied to b: No space left on device; free some space, then",
        ),
        (shutil.Error([("c", "d", "a socket")]), 1, "OSError: c, copied to d: a socket; remove the cause, then"),
        (MemoryError(), 1, "MemoryError: not enough memory; end other programs, then run the same"),
        (KeyboardInterrupt(), 130, "stopped by Ctrl-C; the same command runs the stage again"),
    ],
)
def test_a_stage_that_cannot_finish_writing_says_so_and_leaves_what_was_there(
    project: Path,
    run: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    fault: BaseException,
    status: int,
    message: str,
) -> None:
    for stage in stages_before("tokens"):
        run(stage)
    before = digests("data")

    def fail(descriptor: int) -> None:
        raise fault

    for stage in ("parallel", "translate", "triplets", "mine", "tokens"):
        with monkeypatch.context() as patched:
            patched.setattr("os.fsync", fail)
            with pytest.raises(SystemExit) as caught:
                run(stage)
        assert caught.value.code == status
        told = capsys.readouterr().err
        assert message in told and told.count("\n") == 1
        assert digests("data") == before


@pytest.mark.slow
def test_the_chain_is_verified_and_the_first_link_that_broke_is_named(
    project: Path,
    run: Callable[..., None],
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for stage in STAGES:
        run(stage)
    (project / "params.yaml").write_bytes((root / "params.yaml").read_bytes())
    monkeypatch.setattr(sys, "argv", [str(project / "pipelines" / "release.py"), "--verify"])
    runpy.run_path(sys.argv[0], run_name="__main__")
    assert "train" in capsys.readouterr().out
    spoil_byte(Path("data/tokens/ids.npy"))
    with pytest.raises(SystemExit):
        runpy.run_path(sys.argv[0], run_name="__main__")
    assert "tokens: data/tokens/ids.npy has sha256" in capsys.readouterr().err


def test_a_system_that_is_not_there_is_refused_before_anything_is_read(
    run: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        run("evaluate", "evaluate.systems.other=models/encoderx")  # neither data nor an encoder is there
    assert capsys.readouterr().err.startswith("ModelError: models/encoderx: not there; ")


@pytest.mark.slow
def test_other_systems_are_scored_compared_and_recorded(project: Path, run: Callable[..., None]) -> None:
    for stage in STAGES[:-2]:
        run(stage)
    (project / "words.vec").write_text("sopa 1 0 1\ncaldo 1 0 0\nrío 0 1 0\nperro 0 1 1\nde 1 1 1\n")
    systems = ("evaluate.systems.same=models/encoder", "evaluate.systems.words=words.vec")
    run("evaluate", *systems)
    run("release", *systems)
    scores = json.loads(Path("metrics/sts.json").read_text())
    for name in ("four-dev", "four-test"):
        same, ours = scores["systems"]["same"][name], scores[name]
        assert [same[f"cosine_{kind}"] for kind in ("pearson", "spearman")] == pytest.approx(
            [ours[f"cosine_{kind}"] for kind in ("pearson", "spearman")], abs=1e-6
        )
        assert [one["system"] for one in scores["comparisons"][name]][:2] == ["same", "words"]
    table = pq.read_table("predictions/four-test.parquet")
    np.testing.assert_allclose(table["same_cosine"], table["cosine"], atol=1e-6)
    assert "| words | measured, words.vec |" in Path("reports/results.md").read_text()
    lineage = json.loads(Path("release/lineage.json").read_text())
    model = next(link["model"] for link in lineage["chain"] if link["stage"] == "evaluate")
    digest = hashlib.sha256((project / "words.vec").read_bytes()).hexdigest()
    assert model["words"] == {"where": "words.vec", "sha256": {"words.vec": digest}}
    assert "words: `words.vec`" in Path("release/README.md").read_text()


@pytest.mark.slow
def test_a_student_learns_from_a_teacher_and_release_and_report_say_so(project: Path, run: Callable[..., None]) -> None:
    for stage in STAGES[: STAGES.index("train") + 1]:
        run(stage)
    shutil.copytree("models/encoder", "teacher")
    pairs = [(f"Boat {i} is moored.", f"El barco {i} sigue amarrado.") for i in range(7)]
    shared = ("The soup is cold.", f"{SCORED[0][0]}t")
    text = "".join(f"{source}\t{target}\tmade in a test\n" for source, target in [*pairs, shared])
    declare(project, "few", {"few.txt": text}, group="parallel", format="tab", source="en", rows=8)
    asked = ("parallel=few", "train.distill={teacher:teacher,sources:true,unit:true}", "train.embeddings_only=true")
    asked = (*asked, "triplets.drop_overlap=exact")
    for stage in STAGES:
        run(stage, *asked)
    account = json.loads(Path("data/parallel/stats.json").read_text())
    assert account["corpora"]["few"] == {"read": 8, "empty_sentence": 0, "repeated": 0, "kept": 7}
    assert account["contamination"]["four-test"]["exact"] == 1
    expected = SentenceTransformer("teacher", device="cpu").encode([source for source, _ in pairs])
    np.testing.assert_allclose(np.load("data/teacher/vectors.npy"), expected, atol=1e-5)
    record = json.loads(Path("metrics/train.json").read_text())
    assert (record["translations"], record["steps"], "triplets" in record) == (7, 4, False)
    card = Path("release/README.md").read_text()
    assert "It was trained by [distillation]" in card
    assert "`few` (en and es, licence CC0-1.0; made in a test)" in card
    chain = {link["stage"]: link for link in json.loads(Path("release/lineage.json").read_text())["chain"]}
    weights = hashlib.sha256(Path("teacher/model.safetensors").read_bytes()).hexdigest()
    assert chain["teacher"]["model"]["sha256"]["model.safetensors"] == weights
    assert chain["parallel@few"]["wrote"]["data/raw/parallel/few/few.txt"] == hashlib.sha256(text.encode()).hexdigest()
    assert "translations" in Path("reports/index.html").read_text()


@pytest.mark.slow
def test_a_student_learns_from_the_start_on_monolingual_text_without_the_held_out_sentences(
    project: Path, run: Callable[..., None]
) -> None:
    for stage in STAGES[: STAGES.index("train") + 1]:
        run(stage)
    shutil.copytree("models/encoder", "start")
    targets = ["El barco sigue amarrado.", "  LLUEVE en el puerto.", "Ana vendió la bici."]
    text = "".join(f"Sentence {number}.\t{target}\n" for number, target in enumerate(targets))
    declare(project, "few", {"few.txt": text}, group="parallel", format="tab", source="en", rows=3)
    distill = "{teacher:null,sources:false,unit:true,texts:monolingual,similarities:5.0}"
    start = ("model.scratch=null", "model.backbone=start", "model.pooling=null")
    asked = (*start, "parallel=few", "triplets.dev_fraction=0.34", f"train.distill={distill}")
    for stage in STAGES[: STAGES.index("release") + 1]:
        run(stage, *asked)
    dev = pq.read_table("data/triplets/dev.parquet", columns=["anchor", "positive", "negative"]).to_pylist()
    held_out = {fold(text) for row in dev for text in row.values()}
    learnt = pq.read_table("data/teacher/sentences.parquet")["sentence"].to_pylist()
    every = {fold(text) for text in [*targets, *itertools.chain(*PAIRS)]}
    assert fold(targets[1]) in held_out
    assert sorted(fold(text) for text in learnt) == sorted(every - held_out)
    expected = SentenceTransformer("start", device="cpu").encode(learnt)
    np.testing.assert_allclose(np.load("data/teacher/vectors.npy"), expected, atol=1e-5)
    assert json.loads(Path("metrics/train.json").read_text())["sentences"] == len(learnt)
    card = Path("release/README.md").read_text()
    assert "on Spanish sentences it learned the vectors, and the [similarities]" in card
    assert "of any two, that this start, as it came, has of them." in card
    assert json.loads(Path("data/teacher/teacher.json").read_text())["where"] == "start"


@pytest.mark.slow
def test_the_start_s_similarities_are_kept_of_the_very_sentences_that_are_ranked_and_of_those_in_scored_pairs(
    project: Path, run: Callable[..., None]
) -> None:
    for stage in STAGES[: STAGES.index("train") + 1]:
        run(stage)
    shutil.copytree("models/encoder", "start")
    text = "".join(f'{first},"{second}",{score}\n' for first, second, score in GRADED)
    declare(project, "graded", {"graded.csv": text}, **SCORED_CSV)
    (project / "conf" / "corpora" / "both.yaml").write_text("defaults:\n  - ten\n  - graded\n")
    start = ("corpora=both", "model.scratch=null", "model.backbone=start", "model.pooling=null")
    asked = (*start, "triplets.dev_fraction=0.34", "train.batch_size=2", "train.similarity_distillation={weight:2.0}")
    for stage in STAGES[: STAGES.index("release") + 1]:
        run(stage, *asked)
    vectors, encoder = np.load("data/teacher/vectors.npy"), SentenceTransformer("start", device="cpu")
    triplet, pair = ("anchor", "positive", "negative"), ("sentence1", "sentence2")
    for name, columns in (("train", triplet), ("dev", triplet), ("scored", pair)):
        numbers = np.load(f"data/tokens/{name}.npy")
        rows = pq.read_table(f"data/triplets/{name}.parquet")
        assert len(rows)
        for place, column in enumerate(columns):
            expected = encoder.encode(rows[column].to_pylist())
            np.testing.assert_allclose(vectors[numbers[:, place]], expected, atol=1e-5)
    card = Path("release/README.md").read_text()
    assert "Beside both, by its weight, the mean squared difference between the cosines that the encoder" in card
    assert "its teacher (the start, as it came) give any two texts of a batch, with parameters:" in card
    assert "{'weight': 2.0, 'teacher': None}" in card


@pytest.mark.slow
def test_negatives_that_an_encoder_finds_are_learnt_under_a_guide_and_the_chain_names_both(
    project: Path, run: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    text = "".join(f"Frase {number},Eco de la frase {number}\n" for number in range(30))
    declare(project, "echoes", {"echoes.csv": f"anchor,positive\n{text}"}, format="columns", shape="pairs")
    (project / "conf" / "corpora" / "both.yaml").write_text("defaults:\n  - ten\n  - echoes\n")
    for stage in STAGES[: STAGES.index("train") + 1]:
        run(stage)
    assert not len(pq.read_table("data/mined/tuples.parquet"))
    shutil.rmtree("data/mined")  # as DVC does before a stage runs again
    shutil.copytree("models/encoder", "miner")
    mining = ("mine.encoder=miner", "mine.negatives=2", "mine.relative_margin=null", "mine.others=drop")
    # at random: the nearest of so few sentences are the same for many anchors, and no batch has a text twice
    mining = (*mining, "mine.sampling=random", "mine.range_max=25")
    guide = ("train.guide={encoder:miner,margin:0.01}", "train.known_positives=true")
    said = {}
    capsys.readouterr()
    for stage in STAGES[: STAGES.index("release") + 1]:
        run(stage, "corpora=both", *mining, *guide, "train.batch_size=2")
        said[stage] = capsys.readouterr().out.splitlines()[-1]
    assert said["mine"] == "mine: 2 negatives for each of 36 rows by miner; 0 have too few and are left out"
    rows = pq.read_table("data/triplets/train.parquet").to_pylist()
    rows = [(row["anchor"], row["positive"], [row["negative"]]) for row in rows]
    rows += [tuple(row.values())[:3] for row in pq.read_table("data/triplets/tuples.parquet").to_pylist()]
    known = [tuple(row.values()) for row in pq.read_table("data/triplets/positives.parquet").to_pylist()]
    known += [pair for anchor, positive, _ in rows for pair in ((anchor, positive), (positive, anchor))]
    sentences = pq.read_table("data/triplets/sentences.parquet")["sentence"].to_pylist()
    vectors = SentenceTransformer("miner", device="cpu").encode(sentences, normalize_embeddings=True)
    for (anchor, positive, own), made in zip(rows, pq.read_table("data/mined/tuples.parquet").to_pylist(), strict=True):
        never = {anchor, *own, *(other for one, other in known if one == anchor)}
        scores = dict(zip(sentences, vectors @ vectors[sentences.index(anchor)], strict=True))
        nearest = sorted((text for text in sentences if text not in never), key=lambda text: -scores[text])
        assert (made["anchor"], made["positive"], made["negatives"][:-2]) == (anchor, positive, own)
        assert len(set(made["negatives"][-2:]) & set(nearest[:28])) == 2
    record = json.loads(Path("metrics/train.json").read_text())
    assert (record["tuples_of_5"], record["tuples_of_4"], "triplets" in record) == (6, 30, False)
    chain = {link["stage"]: link for link in json.loads(Path("release/lineage.json").read_text())["chain"]}
    weights = hashlib.sha256(Path("miner/model.safetensors").read_bytes()).hexdigest()
    for stage in ("mine", "teacher"):
        assert chain[stage]["model"]["sha256"]["model.safetensors"] == weights
    card = Path("release/README.md").read_text()
    assert "Hard negatives: 2 for each of 36 of 36 rows, mined from the sentences of the mix by `miner`; 0 had" in card
    assert "'guide': {'encoder': 'miner', 'margin': 0.01," in card


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def other_weights(path: Path) -> None:
    torch.manual_seed(11)
    save_file({name: torch.randn_like(value) for name, value in load_file(path).items()}, path)


def other_shapes(path: Path) -> None:
    save_file({name: value[:-1].contiguous() for name, value in load_file(path).items()}, path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("damage", "found"),
    [
        (cut_off, "Error while deserializing header"),
        (other_weights, "these weights score cosine_pearson"),
        (other_shapes, "size mismatch"),
        (Path.unlink, "No such file"),
    ],
)
def test_best_weights_that_are_damaged_or_others_when_training_ends_are_refused_and_nothing_is_exported(
    project: Path,
    run: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    damage: Callable[[Path], None],
    found: str,
) -> None:
    for stage in stages_before("train"):
        run(stage)

    def fit_and_damage(*given: Any) -> Any:
        taken = fit(*given)
        for kept in list(Path("checkpoints").glob("best-*.safetensors")):
            damage(kept)
        return taken

    fit = trainer.fit
    monkeypatch.setattr(trainer, "fit", fit_and_damage)
    capsys.readouterr()
    with pytest.raises(SystemExit) as caught:
        run("train")
    told = capsys.readouterr().err
    assert caught.value.code == 1
    assert re.search(rf"^ModelError: checkpoints/best-\d+\.safetensors: .*{found}", told, re.MULTILINE), told
    assert re.search(r"[Dd]elete checkpoints/ and train again$", told.strip()), told
    assert "Traceback" not in told
    assert not Path("models").exists() and not Path("metrics/train.json").exists()


def spoil_byte(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


@pytest.mark.slow
def test_two_runs_of_the_line_give_the_same_bytes(run: Callable[..., None]) -> None:
    found, folders = [], ("data", "models", "metrics", "predictions", "plots", "release", "reports")
    for _ in range(2):
        for stage in STAGES:
            run(stage)
        found.append(digests(*folders))
        for folder in folders:
            shutil.rmtree(folder)
    assert found[0] == found[1]
    assert any(name.endswith("model.safetensors") for name in found[0])


@pytest.mark.parametrize(
    ("stage", "damage", "message"),
    [
        ("fetch", lambda: Path("raw/ten.tsv").write_text("other"), "expected"),
        (
            "translate",
            lambda: spoil("data/raw/nli/ten/ten.tsv", "Ana vendió", "Ana\tvendió"),
            "ten.tsv, line 5: 5 columns",
        ),
        ("translate", lambda: Path("data/raw/nli/ten/ten.tsv").write_bytes(b"a\xff"), "line 1: not UTF-8"),
        ("evaluate", lambda: spoil("data/raw/sts/four-test/STS.gs.x.txt", "1.8", "much"), "line 4: expected a score"),
        ("evaluate", lambda: spoil("data/raw/sts/four-test/STS.gs.x.txt", "1.8\n", ""), "4 pairs, but"),
        ("train", lambda: Path("data/tokens/ids.npy").unlink(), "run the tokens stage"),
    ],
)
def test_malformed_input_stops_its_stage_with_the_place_and_leaves_nothing(
    run: Callable[..., None], capsys: pytest.CaptureFixture[str], stage: str, damage: Callable[[], object], message: str
) -> None:
    for earlier in STAGES[: STAGES.index(stage)]:
        run(earlier)
    damage()
    before = digests("data", "models", "metrics", "predictions", "reports")
    with pytest.raises(SystemExit) as caught:
        run(stage)
    assert caught.value.code == 1
    assert message in capsys.readouterr().err
    assert digests("data", "models", "metrics", "predictions", "reports") == before


def test_a_malformed_benchmark_is_refused_as_it_is_fetched_and_taken_when_it_is_mended(
    run: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    own = Path("raw/own.csv")
    own.write_text("a,b,score\nLlueve.,Cae agua.,4\nNieva.,Hace sol.,mucho\n")
    words = ("evaluate=own", "evaluate.benchmarks.own.files=[raw/own.csv]")
    with pytest.raises(SystemExit):
        run("fetch", *words)
    assert (
        "data/raw/sts/own-dev/own.csv, row 2, column score: 'mucho'; allowed: a number from 0 to 5, see scale; correct "
        "or drop the row (evaluate.benchmarks.own-dev, fetched from raw/own.csv)" in capsys.readouterr().err
    )
    own.write_text(own.read_text().replace("mucho", "2") + "".join(f"Uno {n}.,Dos {n}.,{n}\n" for n in range(4)))
    run("fetch", *words)
    assert Path("data/raw/sts/own/own.csv").read_text() == own.read_text()


def spoil(path: str, old: str, new: str) -> None:
    text = Path(path).read_text(encoding="utf-8")
    assert old in text
    Path(path).write_text(text.replace(old, new), encoding="utf-8")


def test_english_rows_without_a_translation_are_refused_before_anything_is_fetched(
    run: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        run("fetch", "corpora.ten.language=en", "corpora.ten.rows=1")
    assert "corpora.ten.language: 'en', and nothing translates it into 'es'" in capsys.readouterr().err
    assert not Path("data").exists()


def test_english_rows_are_translated_and_what_is_dropped_is_accounted_for(
    run: Callable[..., None], project: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    scratch = tmp_path_factory.mktemp("marian")
    checkpoint = save_marian(scratch / "model", scratch)
    rows = [f"en\t{one}\t{other}\t{label}" for one, other in pairwise(SENTENCES) for label in LABELS]
    text = "\n".join(["language\tsentence1\tsentence2\tgold_label", *rows]) + "\n"
    declare(project, "english", {"english.tsv": text}, format="xnli_tsv", language="en", rows=len(rows))
    chosen = (
        "corpora=[ten,english]",
        "translate=opus_mt",
        f"translate.model.checkpoint={checkpoint}",
        "translate.model.revision=null",
        "translate.model.max_length=30",
        "machine.workers=1",
    )
    run("fetch", *chosen)
    run("translate", *chosen)
    pairs = pq.read_table("data/nli/pairs.parquet")
    made = {row["source"]: row for row in pq.read_table("data/nli/translations.parquet").to_pylist()}
    assert sorted(made) == sorted(SENTENCES)
    assert {row["language"] for row in made.values()} == {"en"}
    expected = [
        (made[one]["target"], made[other]["target"], label)
        for one, other in pairwise(SENTENCES)
        for label in LABELS
        if made[one]["target"] and made[other]["target"]
    ]
    ours = [row for row in pairs.to_pylist() if row["corpus"] == "english"]
    assert sorted((row["premise"], row["hypothesis"], row["label"]) for row in ours) == sorted(expected)
    assert {row["language"] for row in pairs.to_pylist()} == {"es"}
    account = json.loads(Path("data/nli/accounts.json").read_text())
    english = account["corpora"]["english"]
    assert english["kept"] == len(expected) == english["read"] - english["translation_dropped"]
    assert sum(english["translation"].values()) == english["translation_dropped"]
    assert account["corpora"]["ten"]["kept"] == 9
    assert account["translated_by"]["checkpoint"] == checkpoint.name


def test_pairs_that_would_repeat_a_text_are_counted_in_what_the_stage_says(
    project: Path, run: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    run("fetch")
    rows = [(*PAIRS[0][:2], "contradiction"), (PAIRS[1][0], PAIRS[1][0].upper(), "entailment")]
    with Path("data/raw/nli/ten/ten.tsv").open("a") as file:
        file.writelines(f"es\t{premise}\t{hypothesis}\t{label}\n" for premise, hypothesis, label in rows)
    run("translate", "corpora.ten.rows=11")
    capsys.readouterr()
    run("triplets")
    assert capsys.readouterr().out == (
        "triplets: 11 pairs read, 0 left out for a benchmark's sake, 1 left out for being one text twice, 2 left out "
        "for being labelled both entailment and contradiction, 4 triplets to train on, 0 held out\n"
    )


def test_a_training_sentence_that_a_benchmark_has_too_is_listed_and_its_pairs_are_left_out(
    run: Callable[..., None],
) -> None:
    run("fetch")
    run("translate")
    spoil("data/raw/sts/four-dev/STS.input.x.txt", "La sopa está fría.d\tEl perro", "LLUEVE , en el puerto .\tEl perro")
    for which, triplets in (("none", 6), ("exact", 4)):
        run("triplets", f"triplets.drop_overlap={which}")
        stats = json.loads(Path("data/triplets/stats.json").read_text())
        assert stats["total"]["triplets_train"] == triplets
        assert stats["corpora"]["ten"]["overlap_dropped"] == (0 if which == "none" else 3)
        assert stats["contamination"]["sentences"]["four-dev"] == {"exact": 1, "near": 0}
        [listed] = csv.read_csv("data/triplets/contamination.csv").to_pylist()
        assert listed == {
            "sentence": "Llueve en el puerto.",
            "corpora": "ten",
            "benchmark": "four-dev",
            "scored": "LLUEVE , en el puerto .",
            "kind": "exact",
            "overlap": 1.0,
        }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("family", "loaded_by", "head", "numbers"),
    [("distilbert", "AutoModel", "{out_features:12,activation:tanh}", 12), ("t5", "T5EncoderModel", "null", 16)],
)
def test_backbones_that_name_their_sizes_otherwise_are_released_with_programs_that_give_their_vectors(
    project: Path, run: Callable[..., None], family: str, loaded_by: str, head: str, numbers: int
) -> None:
    backbone = transformers_folder(family, "wordpiece", project / "backbone")
    model = ("scratch=null", "pooling=mean", f"backbone={backbone}", f"dense={head}")
    for stage in STAGES:
        run(stage, *(f"model.{each}" for each in model), "release.repo=release/encoder")
    encoder, card = Encoder.load("release/encoder"), Path("release/README.md").read_text()
    assert Path("reports/index.html").stat().st_size > 10_000
    assert f"a vector of {encoder.dimension} numbers" in card
    assert encoder.dimension == numbers
    assert f"model = {loaded_by}.from_pretrained" in card
    texts = ["El perro duerme.", "La panadera abrió la tienda antes del alba y encendió el horno."]
    for program, name in zip(programs(card), ("embeddings", "sentence_embeddings"), strict=True):
        found: dict[str, Any] = {}
        exec(re.sub(r"^sentences = .*$", f"sentences = {texts!r}", program, flags=re.MULTILINE), found)
        np.testing.assert_allclose(found[name], encoder.encode(texts), atol=1e-5)
