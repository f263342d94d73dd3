"""A benchmark trains as the stage does: the same settings give the same bytes, whichever of them are set."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from bert_inputs import save_bert
from sweep_inputs import digests, run

pytestmark = pytest.mark.slow  # six stages, and each run twice

# prepare FOLDER WORDS: what a benchmark runs before training; train FOLDER WORDS: its run, saved to FOLDER/ours
SCRIPT = """
import sys
from pathlib import Path
from project import loaded, prepared
from scores import trained
from terna.encoder import save
from terna.settings import compose, load

act, folder, *words = sys.argv[1:]
settings = load(compose(Path(folder) / "conf", words))
if act == "prepare":
    prepared(settings, Path(folder))
else:
    save(trained(settings, loaded(settings, Path(folder))), Path(folder) / "ours")
"""
CASES = {
    "a student in bf16, cached": (
        "train.distill={teacher:TEACHER,sources:true,unit:true}",
        "model.dense={out_features:32,activation:tanh}",
        "train.precision=bf16-mixed",
        "train.cached=true",
        "train.compile=false",
    ),
    "adapters on padded, weighted triplets": (
        "train.lora={rank:4,alpha:8.0,dropout:0.1}",
        "train.packed=false",
        "train.known_positives=true",
        "train.matryoshka=[4,16]",
        "train.symmetric=true",
        "+train.weights.sample=2.0",
    ),
}


def benchmark(root: Path, act: str, folder: Path, *words: str) -> None:
    places = (root / "benchmarks", root / "src")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, places)), "OMP_NUM_THREADS": "1"}
    line = [sys.executable, "-W", "ignore", "-c", SCRIPT, act, str(folder), *words]
    done = subprocess.run(line, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def translations(ready: Path, folder: Path) -> dict[str, object]:
    """The sample's sentences beside a cipher of them, in an archive of OPUS's kind; its declaration."""
    rows = pq.read_table(ready / "data" / "triplets" / "train.parquet")["anchor"].to_pylist()
    targets = list(dict.fromkeys(rows))[:60]
    sources = [target.lower()[::-1] for target in targets]
    with zipfile.ZipFile(folder / "own.zip", "w") as archive:
        for name, side in (("own.xx", sources), ("own.es", targets)):
            archive.writestr(name, "".join(f"{line}\n" for line in side))
    file = {"addresses": [str(folder / "own.zip")], "sha256": [], "members": ["own.xx", "own.es"]}
    made = {"licence": "CC0-1.0", "citation": "made in a test", "exact": False, "files": [file]}
    return {"own": {"format": "moses", "language": "es", "source": "xx", **made}}


@pytest.fixture(scope="module")
def words(root: Path, ready: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Where the project is, and the overrides that both cases share: a small BERT that learns words."""
    folder = tmp_path_factory.mktemp("project")
    shutil.copytree(root / "conf", folder / "conf")
    (folder / "conf" / "parallel" / "own.yaml").write_text(json.dumps(translations(ready, folder)))
    save_bert(folder / "bert", ready)
    return [
        "experiment=scratch",
        "parallel=own",
        "model=minilm_es",
        "model.sha256=null",
        f"model.backbone={folder / 'bert'}",
        "model.max_length=64",
        "train.epochs=1",
        "train.batch_size=8",
        "machine.progress=false",
    ]


def test_a_benchmark_s_run_has_the_bytes_of_the_stage_s(
    root: Path, words: list[str], encoder_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")  # as benchmarks run; transformers writes it into tokenizer_config.json
    folder = Path(words[4].partition("=")[2]).parent
    cases = [[*words, *(each.replace("TEACHER", str(encoder_folder)) for each in case)] for case in CASES.values()]
    benchmark(root, "prepare", folder, *cases[0])  # triplets are there for the other too
    assert pq.read_table(folder / "data" / "tokens" / "starts.parquet").num_rows > 3
    found = []
    for case in cases:
        benchmark(root, "train", folder, *case)
        done = run(folder, "train", *case)
        assert done.returncode == 0, done.stderr
        found.append(digests(folder / "ours"))
        assert found[-1] == digests(folder / "models" / "encoder")
    assert found[0] != found[1]
