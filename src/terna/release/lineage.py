"""The chain from raw files to weights, put together from the records of the stages."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, field, replace
from pathlib import Path
from typing import Any

from pydantic.dataclasses import dataclass

from terna.errors import DataError
from terna.provenance import NAME, digests
from terna.records import json_text, read_json, read_record, rerun, validated, write_json
from terna.release import origin
from terna.settings import Corpus, Settings, named, published
from terna.settings.declaration import STRICT, Sha256

# Where each stage leaves its record, in the order of the graph; before them come the raw files, after them the release.
RECORDS = {
    "parallel": Path("data/parallel"),
    "translate": Path("data/nli"),
    "triplets": Path("data/triplets"),
    "mine": Path("data/mined"),
    "tokens": Path("data/tokens"),
    "teacher": Path("data/teacher"),
    "train": Path("models"),
    "evaluate": Path("predictions"),
}
RELEASE = "release"
LINEAGE = Path("release/lineage.json")
# what the report leaves, which comes after the release
REPORT = Path("reports")
PAGE = REPORT / "index.html"
CARD = Path("release/README.md")
# what the card states, which goes with the release
FIGURES = tuple(Path("metrics") / f"{name}.json" for name in ("sts", "diagnosis", "train"))
# in the released folder: how the encoder compares with the lexical baselines
VERDICTS = Path("metrics/verdicts.json")
# what translate writes of each corpus, and of what translated
ACCOUNTS = RECORDS["translate"] / "accounts.json"
# what stages write of the encoder that they loaded; null where they loaded none
ENCODERS = {"mine": RECORDS["mine"] / "encoder.json", "teacher": RECORDS["teacher"] / "teacher.json"}
# what evaluate writes of the systems that it scores beside ours
SYSTEMS = RECORDS["evaluate"] / "systems.json"


@dataclass(frozen=True, config=STRICT)
class Link:
    """A stage of the chain: files by their paths from the project's root, each with its sha256."""

    stage: str
    """What DVC calls it."""
    read: dict[str, Sha256]
    """What it read."""
    wrote: dict[str, Sha256]
    """What it wrote."""
    accepted: dict[str, list[Sha256]] = field(default_factory=dict)
    """The digests that pass for a raw file; a file whose declaration is not exact is left out."""
    model: dict[str, Any] | None = None
    """What it loaded from outside: `translate`, `mine`, `teacher`, `train` a model, `evaluate` other systems."""
    record: dict[str, Sha256] = field(default_factory=dict)
    """Its own record, which says what follows; a fetch's is among what it wrote."""
    settings: dict[str, Any] = field(default_factory=dict)
    """The settings that it ran with, by dotted key."""
    packages: dict[str, str | None] = field(default_factory=dict)
    """The versions of the packages that computed."""
    machine: str | None = None
    """Where torch computed: Python's version, system and processor family."""
    threads: int | None = None
    """How many threads torch computed with."""


@dataclass(frozen=True, config=STRICT)
class Record:
    """What a stage's record holds: see terna.provenance.record."""

    stage: str
    settings: dict[str, Any]
    packages: dict[str, str | None]
    machine: str | None
    threads: int | None
    read: dict[str, Sha256]
    wrote: dict[str, Sha256]


@dataclass(frozen=True, config=STRICT)
class Lineage:
    """What release/lineage.json holds."""

    name: str
    """The encoder's name."""
    commit: str | None
    """The last commit that changed the code; null outside Git."""
    modified: list[str]
    """The files of the code that differed from that commit."""
    machine: str
    """What trained: Python's version, system, processor family, threads."""
    packages: dict[str, str | None]
    """The versions of the packages that trained."""
    settings: dict[str, Any]
    """Every setting that can change a result."""
    chain: list[Link]
    """The links, each after those whose files it reads."""


def collect(settings: Settings) -> Lineage:
    """The lineage of what lies in the working folder, up to `evaluate`; DataError where a record is missing."""
    links = [*_raw(settings), *(_stage(name, settings) for name in RECORDS)]
    trained = next(link for link in links if link.stage == "train")
    return Lineage(
        name=settings.release.name,
        commit=origin.commit(Path()),
        modified=origin.modified(Path()),
        machine=f"{trained.machine}, threads {trained.threads}",
        packages=trained.packages,
        settings=relevant(published(settings)),
        chain=links,
    )


def data_chain(settings: Settings) -> list[Link]:
    """The links from the raw files up to the triplets; DataError where a record is missing."""
    raw = [link for link in _raw(settings) if not link.stage.startswith("parallel")]
    return [*raw, *(_stage(name, settings) for name in ("translate", "triplets"))]


def relevant(settings: Settings) -> dict[str, Any]:
    """The settings that can change a result, as JSON holds them: all but where it runs and where it is logged."""
    plain: dict[str, Any] = json.loads(json.dumps(asdict(settings)))
    return {group: value for group, value in plain.items() if group not in ("machine", "logger")}


def write_lineage(lineage: Lineage, path: Path) -> None:
    """Write `lineage` as JSON."""
    write_json(asdict(lineage), path)


def read_lineage(path: Path) -> Lineage:
    """Read what `write` wrote; DataError when it is missing, is something else, or lacks a stage."""
    lineage: Lineage = _read(Lineage, path)
    stages = [link.stage for link in lineage.chain if "@" not in link.stage]
    if stages != [*RECORDS, RELEASE]:
        raise DataError(
            f"{path}: the chain goes {', '.join(stages)}; expected {', '.join([*RECORDS, RELEASE])}. "
            "Make the release again (dvc repro -s -f release)"
        )
    return lineage


def raw_corpora(settings: Settings) -> Iterator[tuple[str, Path, Corpus]]:
    """Each corpus and benchmark: the stage of its link, the folder of its raw files, and its declaration."""
    groups: dict[str, tuple[str, Mapping[str, Corpus]]] = {
        "fetch": ("nli", settings.corpora),
        "benchmarks": ("sts", settings.evaluate.benchmarks),
        "parallel": ("parallel", settings.parallel),
    }
    for stage, (folder, corpora) in groups.items():
        for name, corpus in corpora.items():
            yield f"{stage}@{name}", Path("data/raw") / folder / name, corpus


def _raw(settings: Settings) -> list[Link]:
    return [_fetched(stage, corpus, folder) for stage, folder, corpus in raw_corpora(settings)]


def _fetched(stage: str, corpus: Corpus, folder: Path) -> Link:
    """The first link, from the record that the fetch leaves; the record is itself a file that others read."""
    path = folder / "fetched.json"
    script = "parallel" if stage.startswith("parallel@") else stage
    fetched = read_record(path, {"sha256": dict[str, str]}, rerun(script))
    came = {(path.parent / file).as_posix(): digest for file, digest in fetched["sha256"].items()}
    return Link(stage=stage, read={}, wrote=came | digests([path]), accepted=accepted(corpus, folder))


def accepted(corpus: Corpus, folder: Path) -> dict[str, list[str]]:
    """The digests that pass for each file of a corpus, by its path; none where any bytes do."""
    return {(folder / file.name).as_posix(): file.sha256 for file in corpus.files if corpus.exact}


def _stage(name: str, settings: Settings) -> Link:
    return replace(recorded(RECORDS[name] / NAME), model=_model(name, settings))


def recorded(path: Path) -> Link:
    """The link that a stage's record tells of; DataError when it is missing or something else."""
    found: Record = _read(Record, path)
    return Link(**vars(found), record=digests([path]))


def fingerprint(described: Mapping[str, Any]) -> str:
    """The sha256 of a record without what its stage wrote: the report's page holds that of its own record."""
    return hashlib.sha256(json_text(described).encode()).hexdigest()


def _model(stage: str, settings: Settings) -> dict[str, Any] | None:
    if stage == "translate":
        keys = {"translated_by": dict[str, Any] | None}
        identity: dict[str, Any] | None = read_record(ACCOUNTS, keys, rerun(stage))["translated_by"]
        return identity
    if stage == "train" and settings.model.scratch is None:
        trained = read_record(Path("metrics/train.json"), {"backbone_commit": str | None}, rerun(stage))
        model = settings.model
        return {"name": named(model.backbone), "revision": model.revision, "commit": trained["backbone_commit"]}
    if stage in ENCODERS:
        path = ENCODERS[stage]
        encoder: dict[str, Any] | None = validated(dict[str, Any] | None, read_json(path), str(path), rerun(stage))
        return encoder
    if stage == "evaluate" and settings.evaluate.systems:
        return read_record(SYSTEMS, {}, rerun(stage))
    return None


def _read(kind: Any, path: Path) -> Any:
    """A JSON file as a dataclass of this module."""
    return validated(kind, read_json(path), str(path), "run the stage that writes it again (dvc repro)")
