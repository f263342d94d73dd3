"""What the commands do."""

import sys
from argparse import Namespace
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from transformers.utils.logging import disable_progress_bar

from terna.errors import DataError, ModelError
from terna.metrics.similarity import pairwise
from terna.records import write_json
from terna.sentences import required
from terna.serving import onnx_export, static_export
from terna.serving.cli import approximate, corpus
from terna.serving.cli.encoding import dimension_of, encode_all, encoded, prompt_of, vectors_of
from terna.serving.cli.fingerprint import fingerprint
from terna.serving.cli.lines import STDIN, argument_of, pair_of, read, shown, texts_of
from terna.serving.cli.nearest import nearest, rescored
from terna.serving.cli.processes import spread
from terna.serving.cli.quantization import Layout
from terna.serving.cli.streams import check_out, standard_input, standard_output, tell, written
from terna.serving.cli.writers import FORMATS, WRITERS
from terna.settings.devices import AUTO, device_of, several
from terna.systems import System, load_system, locate, on_cpu_alone

disable_progress_bar()  # type: ignore[no-untyped-call]  # of loading weights, which takes no time


def encode(asked: Namespace) -> None:
    """A vector for each line of standard input."""
    kind = _format(asked.out, asked.format)
    if kind != "parquet" and asked.vectors != "float32":
        raise DataError(f"--vectors {asked.vectors}: in Parquet alone, and this is {kind}; give --format parquet")
    if asked.out:
        check_out(asked.out)
    lines, path = standard_input(), locate(asked.model)
    _check_device(asked.device, asked.model)
    devices = several(asked.device, asked.processes, "--device")
    system = load_system(str(path), devices[0], asked.precision)
    prompt = prompt_of(system, asked.prompt, asked.prompt_name)
    stored = Layout(asked.vectors, _dimensions(system, prompt, asked.dimensions))
    mark = fingerprint(asked.model, path, prompt, asked.precision)
    mark = replace(mark, dimensions=stored.dimensions, vectors=stored.kind)
    beside = asked.out.with_name(f"{asked.out.name}.json") if asked.out and kind != "parquet" else None
    with written(asked.out) if asked.out else standard_output() as sink:
        with (
            WRITERS[kind](sink, stored, mark.metadata()) as write,
            spread(system, str(path), devices, asked.precision, prompt) as encode_all,
        ):
            for texts, vectors in encoded(encode_all, lines, asked.chunk, STDIN):
                write(texts, vectors[:, : stored.dimensions])
        if beside:  # rather none for a moment than that of other vectors
            beside.unlink(missing_ok=True)
    if beside:
        write_json(asdict(mark), beside)


def encode_files(asked: Namespace) -> None:
    """A folder of vectors for files of texts."""
    from terna.serving.files import (
        encode_files,
    )  # Ray takes a second to import, which the other commands need not wait for

    _check_device(asked.device, asked.model)
    encode_files(asked)


def search(asked: Namespace) -> None:
    """The nearest lines of a corpus to each query."""
    given, path = _queries(asked.queries), locate(asked.model)
    corpus.check(asked.corpus)
    if asked.index:
        approximate.check(asked.index, asked.corpus, asked.measure)
    system = _system(str(path), asked)
    prompts = system.usage.sides
    if not asked.any_model:
        corpus.check_model(asked.corpus, fingerprint(asked.model, path, prompts.document, asked.precision))
    queries = vectors_of(system, given, prompts.query)
    stored = corpus.layout(asked.corpus, queries.shape[1])
    if asked.rescore and stored == Layout("float32", queries.shape[1]):
        raise DataError(
            f"--rescore {asked.rescore}: --corpus {asked.corpus} gives the model's whole vectors; leave it out"
        )
    count, small = asked.top * (asked.rescore or 1), queries[:, : stored.dimensions]
    if asked.index:
        found, lines = approximate.nearest(asked.index, asked.corpus, stored, small, count, asked.chunk)
    else:
        found, lines = nearest(small, corpus.read(asked.corpus, system, asked.chunk, stored), count, asked.measure)
    if not found[0].texts:
        raise DataError(f"--corpus {asked.corpus}: no line with a text among {lines}; give one that has some")
    if asked.rescore:
        found = rescored(found, queries, asked.top, encode_all(system, prompts.document), asked.chunk)
    with standard_output():
        for query, one in zip(given, found, strict=True):
            if len(given) > 1:
                print(shown(query))
            for rank, (score, text) in enumerate(zip(one.scores, one.texts, strict=True), start=1):
                print(rank, f"{score:.6f}", shown(text), sep="\t")


def similarity(asked: Namespace) -> None:
    """The four similarities of two sentences, or of each pair of standard input."""
    if len(asked.sentences) not in (0, 2):
        raise DataError(f"{len(asked.sentences)} given: give two sentences, or none and pairs on standard input")
    if asked.sentences:
        pairs = [tuple(argument_of(word, f"sentence {n}") for n, word in enumerate(asked.sentences, start=1))]
    else:
        pairs = [pair_of(text, n) for n, text in enumerate(texts_of(standard_input(), STDIN), start=1)]
    if not pairs:
        raise DataError("no pair: give two sentences, or lines on standard input")
    first, second = zip(*pairs, strict=True)
    system = _system(asked.model, asked)
    found = pairwise(*np.split(vectors_of(system, [*first, *second]), 2))
    with standard_output():
        print(*found, "sentence1", "sentence2", sep="\t")
        for row, pair in enumerate(pairs):
            print(*(f"{values[row]:.6f}" for values in found.values()), *map(shown, pair), sep="\t")


def _system(where: str, asked: Namespace) -> System:
    """A system on the device, and in the precision, that a command was given."""
    _check_device(asked.device, where)
    return load_system(where, device_of(asked.device, "--device"), asked.precision)


def _check_device(device: str, where: str) -> None:
    """ModelError where a device is named for what computes on the CPU alone."""
    if device not in (AUTO, "cpu") and on_cpu_alone(locate(where)):
        raise ModelError(f"--device {device}: {where} computes on the CPU alone; give an encoder's folder")


def onnx(asked: Namespace) -> None:
    """A copy of an encoder's folder, with its backbone in ONNX."""
    files = onnx_export.write(locate(asked.model), asked.out, int8=asked.int8)
    with standard_output():
        for file in files:
            print(file, f"{file.stat().st_size / 2**20:.1f} MiB", sep="\t")


def static(asked: Namespace) -> None:
    """An encoder distilled to a table of token vectors."""
    found = static_export.write(locate(asked.model), asked.out, dimensions=asked.dimensions)
    rows, width = found.table.shape
    with standard_output():
        print(asked.out, f"{rows} pieces", f"{width} dimensions", f"{found.table.nbytes / 2**20:.1f} MiB", sep="\t")


def demo(asked: Namespace) -> None:
    """The page to try the encoder, until Ctrl-C."""
    from terna.serving.demo import (
        serve,  # scikit-learn takes a second to import, which the other commands need not wait for
    )

    _check_device(asked.device, asked.model)
    device = device_of(asked.device, "--device")
    serve(asked.model, asked.port, device, asked.precision, corpus=asked.corpus, site=asked.site)


def new(asked: Namespace) -> None:
    """The experiment on the files that are named, and on the way what they are taken for."""
    from terna.serving.new import new  # it reads with pandas, which the other commands need not wait for

    with standard_output():
        for line in new(asked):
            print(line)


def plan(asked: Namespace) -> None:
    """What differences benchmarks can show, by the predictions on record."""
    from terna.evaluation import planning  # scikit-learn takes a second to import, see demo

    if asked.against and len(asked.tables) != 1:
        raise DataError(f"--against {asked.against}: {len(asked.tables)} tables given; give the one to compare it with")
    if asked.runs > 1 and not (asked.seeds or asked.seed_sd):
        raise DataError(f"--runs {asked.runs}: give --seeds or --seed-sd too, how much a score varies with the seed")
    seeds = planning.Seeds.read(asked.seeds, asked.runs) if asked.seeds else planning.Seeds(asked.runs, asked.seed_sd)
    planned = [planning.plan(path, asked.measure, seeds, asked.against) for path in asked.tables or planning.recorded()]
    with standard_output():
        for one in planned:
            print(planning.markdown(one, asked.difference))
        print(planning.explained(seeds, both=asked.against is not None))


def prove(asked: Namespace) -> None:
    """What a release states, proved or not."""
    from terna.serving.cli.proof import prove  # what draws up the card, which the other commands need not wait for

    prove(asked)


def _format(out: Path | None, asked: str | None) -> str:
    named = out.suffix.removeprefix(".") if out else "parquet"
    kind = asked or named
    if kind not in WRITERS:
        raise DataError(f"--out {out}: unknown format; name it .{', .'.join(FORMATS)}, or give --format")
    if out is None and kind != "jsonl" and sys.stdout is not None and sys.stdout.isatty():
        raise DataError(f"{kind} is not for a terminal: redirect it, or give --out or --format jsonl")
    return kind


def _queries(words: list[str]) -> list[str]:
    """The arguments, or the lines of standard input that are neither blank nor bad; DataError where there are none."""
    if words:
        return [argument_of(word, f"query {number}") for number, word in enumerate(words, start=1)]
    lines = list(read(standard_input(), STDIN))
    texts = list(texts_of(lines, STDIN))
    given = [text for text in texts if text is not None]
    if not given:
        for number, line in enumerate(lines, start=1):
            required(line, number, STDIN)
        raise DataError("no query: give some, or lines on standard input")
    if len(given) < len(texts):
        tell(f"{STDIN}: {len(texts) - len(given)} of {len(texts)} lines are blank or not UTF-8: no queries")
    return given


def _dimensions(system: System, prompt: str, asked: int | None) -> int:
    """How many are kept of a vector; DataError where more are asked for than there are."""
    there = dimension_of(system, prompt)
    if asked is not None and asked > there:
        raise DataError(f"--dimensions {asked}: the model's vectors have {there}; give that or fewer")
    return asked or there
