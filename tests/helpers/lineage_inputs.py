"""A small project after a run, made up: every stage's files with their records, and a script to release them."""

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import chdir
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from card_inputs import TRAINING, scores_of, settings_of, stats_of
from compose import write as write_params
from composed import small_by_default

from terna.provenance import described, digests, record
from terna.records import write_json
from terna.release.lineage import fingerprint
from terna.settings import Settings

# by name, what each stage leaves
Stages = Mapping[str, Callable[[Settings], None]]

MODULES = [
    {"name": path, "path": path, "type": f"sentence_transformers.models.{kind}"}
    for path, kind in (("", "Transformer"), ("1_Pooling", "Pooling"))
]
CONFIG = {"architectures": ["RobertaModel"]}
WEIGHTS = "models/encoder/model.safetensors"
# a file of each kind that a stage writes, in the order of the chain, with DVC's name of the stage
KINDS = {
    "data/raw/nli/sample/terna_nli.tsv": "fetch@sample",
    "data/raw/nli/sample-jsonl/fetched.json": "fetch@sample-jsonl",
    "data/raw/sts/sts-sample-dev/STS.gs.news.txt": "benchmarks@sts-sample-dev",
    "data/raw/sts/sts-sample-test/STS.input.everyday.txt": "benchmarks@sts-sample-test",
    "data/parallel/sentences.parquet": "parallel",
    "data/nli/accounts.json": "translate",
    "data/nli/pairs.parquet": "translate",
    "data/triplets/stats.json": "triplets",
    "data/triplets/train.parquet": "triplets",
    "data/mined/tuples.parquet": "mine",
    "data/tokens/ids.npy": "tokens",
    "data/tokens/tokenizer/tokenizer.json": "tokens",
    "data/teacher/vectors.npy": "teacher",
    "metrics/train.json": "train",
    "models/encoder/1_Pooling/config.json": "train",
    WEIGHTS: "train",
    "plots/loss.csv": "train",
    "metrics/sts.json": "evaluate",
    "predictions/sts-sample-test.parquet": "evaluate",
    "reports/results.md": "evaluate",
    "release/README.md": "release",
    "release/encoder/README.md": "release",
    "release/encoder/model.safetensors": "release",
}


def run_line(root: Path, project: Path, stages: Stages | None = None, overrides: Sequence[str] = ()) -> Settings:
    """Lay out in `project`, the working folder, what a run of the default settings leaves; `root`: the real project.

    stages: what each stage leaves, where it is not STAGES. overrides: of the settings, with no files but of samples/.
    """
    if stages is None and not overrides:
        shutil.copytree(_laid_out(root).name, project, dirs_exist_ok=True)
    else:
        _lay_out(root, project, stages or STAGES, overrides)
    return settings_of(root, *overrides)


@cache
def _laid_out(root: Path) -> TemporaryDirectory[str]:
    """What STAGES leave, laid out once for all tests."""
    project = TemporaryDirectory()
    _lay_out(root, Path(project.name), STAGES)
    return project


def _lay_out(root: Path, project: Path, stages: Stages, overrides: Sequence[str] = ()) -> None:
    for folder in ("conf", "pipelines"):
        shutil.copytree(root / folder, project / folder)
    small_by_default(project)
    write_params(project, list(overrides))
    settings = settings_of(root, *overrides)
    with chdir(project):
        fetch(root, settings)
        for stage in stages.values():
            stage(settings)


def fetch(root: Path, settings: Settings) -> None:
    for place, corpora in (("nli", settings.corpora), ("sts", settings.evaluate.benchmarks)):
        for name, corpus in corpora.items():
            for file in corpus.files:
                put(f"data/raw/{place}/{name}/{file.name}", (root / file.addresses[0]).read_text(encoding="utf-8"))
            put_json(f"data/raw/{place}/{name}/fetched.json", {"sha256": {f.name: f.sha256[0] for f in corpus.files}})


def parallel(settings: Settings) -> None:
    outs = [put("data/parallel/sentences.parquet", "pairs"), put_json("data/parallel/stats.json", {})]
    record("parallel", settings, [Path("data/raw/sts")], outs, Path("data/parallel/made.json"))


def translate(settings: Settings) -> None:
    outs = [put("data/nli/pairs.parquet", "pairs"), put_json("data/nli/accounts.json", {"translated_by": None})]
    record(
        "translate",
        settings,
        [Path("data/raw/nli") / name for name in settings.corpora],
        outs,
        Path("data/nli/made.json"),
    )


def triplets(settings: Settings, content: str = "triplets") -> None:
    outs = [put(f"data/triplets/{part}.parquet", f"{content} {part}") for part in ("train", "dev")]
    outs.append(put_json("data/triplets/stats.json", stats_of(settings)))
    read = [Path("data/nli/pairs.parquet"), Path("data/nli/accounts.json"), Path("data/raw/sts")]
    record("triplets", settings, read, outs, Path("data/triplets/made.json"))


def mine(settings: Settings) -> None:
    outs = [put("data/mined/tuples.parquet", "mined"), put_json("data/mined/encoder.json", None)]
    read = [Path("data/triplets") / f"{part}.parquet" for part in ("train", "dev")]
    record("mine", settings, read, outs, Path("data/mined/made.json"))


def tokens(settings: Settings) -> None:
    put("data/tokens/ids.npy", "ids")
    put_json("data/tokens/stats.json", {"vocabulary_cut": None})
    put("data/tokens/tokenizer/tokenizer.json", "{}")
    triplets = [Path("data/triplets") / f"{part}.parquet" for part in ("train", "dev")]
    read = [*triplets, Path("data/mined/tuples.parquet"), Path("data/parallel/sentences.parquet")]
    record("tokens", settings, read, [Path("data/tokens")], Path("data/tokens/made.json"))


def teacher(settings: Settings) -> None:
    outs = [put("data/teacher/vectors.npy", "vectors"), put_json("data/teacher/teacher.json", None)]
    read = [Path("data/parallel/sentences.parquet"), Path("data/tokens/tokenizer")]
    record("teacher", settings, read, outs, Path("data/teacher/made.json"))


def train(settings: Settings) -> None:
    put_json("models/encoder/config.json", CONFIG)
    put_json("models/encoder/modules.json", MODULES)
    put_json("models/encoder/sentence_bert_config.json", {"max_seq_length": 64})
    put_json("models/encoder/config_sentence_transformers.json", {"prompts": {}, "default_prompt_name": None})
    put_json("models/encoder/1_Pooling/config.json", {"embedding_dimension": 32, "pooling_mode": ["mean"]})
    put(WEIGHTS, "\x02" + "\0" * 7 + "{}")  # safetensors without a tensor
    outs = [put_json("metrics/train.json", TRAINING | {"backbone_commit": "7e" * 20}), Path("models/encoder")]
    outs += [put(f"plots/{name}.csv", f"step,{name}") for name in ("loss", "lr", "development")]
    read = [
        Path("data/tokens"),
        Path("data/teacher"),
        Path("data/raw/sts") / settings.evaluate.select_on / "STS.gs.news.txt",
    ]
    record("train", settings, read, outs, Path("models/made.json"), threads=2)


def evaluate(settings: Settings, scores: Mapping[str, Any] | None = None) -> None:
    """What the evaluate stage leaves; `scores`: the content of metrics/sts.json, by default made up."""
    outs = [put(f"predictions/{name}.parquet", name) for name in settings.evaluate.benchmarks]
    outs.append(put_json("metrics/sts.json", scores or scores_of(settings)))
    outs.append(put_json("metrics/diagnosis.json", {}))
    outs.append(put("reports/results.md", "table"))
    record(
        "evaluate",
        settings,
        [Path("models/encoder"), Path("data/raw/sts")],
        outs,
        Path("predictions/made.json"),
        threads=2,
    )


def report(settings: Settings) -> None:
    """What the report stage leaves after a release."""
    read = [Path("metrics/sts.json"), Path("plots"), Path("release/lineage.json")]
    made = described("report", settings, read)
    page = put("reports/index.html", f"page {fingerprint(made)}\n")
    write_json({**made, "wrote": digests([page])}, Path("reports/made.json"))


STAGES: Stages = {
    "parallel": parallel,
    "translate": translate,
    "triplets": triplets,
    "mine": mine,
    "tokens": tokens,
    "teacher": teacher,
    "train": train,
    "evaluate": evaluate,
}


def put(path: str, text: str) -> Path:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text, encoding="utf-8")
    return Path(path)


def put_json(path: str, value: object) -> Path:
    return put(path, json.dumps(value))
