"""What the tests of the parsers read: small files in each format, and a declaration of them."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

from terna.settings import Benchmark, Corpus, Evaluate, File

XNLI = b"language\tgold_label\tsentence1\tsentence2\tgenre\n"
ROW = b"es\tneutral\tHola.\tVengo.\tx\n"
MT = b"premise\thypo\tlabel\n"
OWN = b"premise\thypothesis\tlabel\n"
STS = ("STS.input.a.txt", "STS.gs.a.txt")


def corpus(kind: Any, *names: str, members: tuple[str, ...] = (), **more: Any) -> Corpus:
    files = [File(addresses=[f"https://example.org/{name}"], sha256=[], members=list(members)) for name in names]
    return Corpus(format=kind, language="es", files=files, licence="", citation="", exact=False, **more)


def columned(shape: Any, *names: str, **more: Any) -> Corpus:
    """A corpus of data files that is mapped by its columns."""
    files = [File(addresses=[f"https://example.org/{name}"]) for name in names]
    return Corpus(format="columns", shape=shape, files=files, exact=False, **more)


def benchmarked(name: str, *files: str) -> Evaluate:
    """A benchmark of scored pairs in CSV without a header."""
    declared = Benchmark(
        format="columns",
        shape="scored",
        columns={"sentence1": 0, "sentence2": 1, "score": 2},
        files=[File(addresses=[f"https://example.org/{file}"]) for file in files],
        exact=False,
        role="development",
    )
    return Evaluate(
        benchmarks={name: declared},
        select_on=name,
        replication=False,
        main_score="cosine_pearson",
        reported=[],
        systems={},
    )


def put(folder: Path, contents: dict[str, bytes]) -> None:
    for name, content in contents.items():
        (folder / name).write_bytes(content)


def line(premise: Any = "Hola.", hypothesis: Any = "Vengo.", label: Any = "neutral") -> bytes:
    row = {"gold_label": label, "sentence1": premise, "sentence2": hypothesis}
    return json.dumps(row, ensure_ascii=False).encode() + b"\n"


def zipped(*members: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()


# an archive of fifty rows
SOUND = zipped(("x/c.tsv", XNLI + b"".join(ROW.replace(b"Hola", b"Hola %d" % number) for number in range(50))))
