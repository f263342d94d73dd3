"""Vectors of lines, search among them, similarities, ONNX, static vectors and the demo; and a new experiment."""

import argparse
from pathlib import Path
from typing import get_args

from terna.metrics.similarity import SIMILARITIES
from terna.serving.cli.quantization import KINDS
from terna.serving.cli.writers import FORMATS
from terna.settings.declaration import FIELDS
from terna.settings.devices import AUTO, Precision

DEFAULT = "models/encoder"
MODEL = (
    "a folder (models/encoder, or what sentence-transformers saved), pkg:module/path, .onnx, word vectors, or a name "
    "on the hub with its revision (owner/name@main)"
)
# lines that are held or shown at once
MOST = 2**31


def parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    parser = argparse.ArgumentParser(prog="python -m terna", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    encode, (search, similarity) = _encode(commands), _compared(commands)
    files, (onnx, static, demo) = _encode_files(commands), _around(commands)
    for command in (encode, files, search, similarity, onnx, static, demo):
        command.add_argument("--model", default=DEFAULT, help=f"{MODEL}; default: {DEFAULT}")
    files.add_argument(
        "--device", default=AUTO, choices=[AUTO, "cuda", "cpu"], help="of the actors (auto: GPUs, if any)"
    )
    for command in (encode, search, similarity, demo):
        command.add_argument("--device", default=AUTO, help="auto, cuda, cuda:N, mps or cpu (auto: the strongest)")
    for command in (encode, files, search, similarity, demo):
        command.add_argument(
            "--precision",
            choices=get_args(Precision),
            default="float32",
            help="what the model computes in (float32); vectors are float32 in any",
        )
    _new(commands)
    return parser


def _encode(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """The command that writes vectors."""
    encode = commands.add_parser(
        "encode",
        help="vectors of lines",
        description="A vector for each line of standard input (UTF-8), in its order. A line that is blank or not UTF-8 "
        "is counted and has no vector (NaN in .npy). Memory does not grow with the input. Parquet says in its schema, "
        "and OUT.json beside the others, which model the vectors are from.",
    )
    encode.add_argument("--out", type=Path, help="a file, written beside and renamed; default: standard output")
    encode.add_argument("--format", choices=FORMATS, help="default: by the name of --out, else parquet")
    _prompts(encode)
    encode.add_argument("--dimensions", type=_count, metavar="N", help="keep the first N of each vector; default: all")
    encode.add_argument(
        "--vectors",
        choices=KINDS,
        default="float32",
        help="what they are quantized to in Parquet: int8 with a scale each, or binary, their signs (float32)",
    )
    encode.add_argument("--chunk", type=_count, default=8192, help="lines that are held at once (8192)")
    encode.add_argument(
        "--processes",
        type=_count,
        default=1,
        help="of the model: each has its share of the CPUs, or a CUDA device of its own (1)",
    )
    return encode


def _encode_files(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """The command that writes folders of vectors."""
    files = commands.add_parser(
        "encode-files",
        help="vectors of many files, on several processes or machines",
        description="A folder of Parquet shards with a vector for each row of the files, in their order: by name, and "
        "within a file by row. Ray Data gives blocks of rows to actors that hold the model; needs ray. The same "
        "command encodes what is missing after a run that was stopped; _index.json says that all is there.",
    )
    files.add_argument(
        "--from",
        dest="place",
        required=True,
        metavar="PLACE",
        help="a folder, a pattern ('texts/*.parquet'), a file, or such of an fsspec URL (s3://…): .parquet, .jsonl, "
        ".ndjson, or .txt with one text per line",
    )
    files.add_argument("--out", type=Path, required=True, help="a folder that all machines see")
    files.add_argument("--column", default="text", help="the texts, in Parquet and JSON lines (text)")
    files.add_argument("--address", help="of a Ray cluster: auto or HOST:PORT; default: none, a Ray here")
    files.add_argument("--actors", type=_count, help="that hold the model (one for each GPU, else for each machine)")
    files.add_argument(
        "--block", type=_count, default=1 << 16, help="rows of a shard, the most that a kill costs (65536)"
    )
    _prompts(files)
    return files


def _prompts(command: argparse.ArgumentParser) -> None:
    before = command.add_mutually_exclusive_group()
    before.add_argument(
        "--prompt", metavar="TEXT", help="what is put before each line; default: the model's own prompt"
    )
    before.add_argument("--prompt-name", metavar="NAME", help="one of the model's prompts: query, document, …")


def _compared(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> list[argparse.ArgumentParser]:
    """The commands that compare texts."""
    search = commands.add_parser(
        "search",
        help="the lines nearest to a query",
        description="The nearest lines of a corpus to each query: rank, similarity and line, separated by tabs. "
        "Several queries have a line with the query before theirs. The model's prompts of queries and documents are "
        "put before them.",
    )
    search.add_argument("queries", nargs="*", help="default: the lines of standard input")
    search.add_argument("--corpus", type=Path, required=True, help="a text file, or what encode wrote in Parquet")
    search.add_argument("--top", type=_count, default=10, help="lines to show (10)")
    search.add_argument("--any-model", action="store_true", help="take vectors that do not say they are --model's")
    search.add_argument("--measure", choices=SIMILARITIES, default="cosine")
    search.add_argument(
        "--rescore",
        type=_count,
        metavar="K",
        help="of vectors that were cut or quantized: encode the K times --top nearest lines anew and rank them",
    )
    search.add_argument(
        "--index",
        type=Path,
        metavar="FILE",
        help="search approximately, by faiss's HNSW graph in this file, which is made if it is not there",
    )
    search.add_argument("--chunk", type=_count, default=8192, help="lines that are held at once (8192)")

    similarity = commands.add_parser(
        "similarity",
        help="how alike two sentences are",
        description="The four similarities of two sentences, or of each line of standard input: two sentences with a "
        "tab between them. Distances have their sign turned: more is more alike.",
    )
    similarity.add_argument("sentences", nargs="*", metavar="sentence", help="none, or two")
    return [search, similarity]


def _around(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> list[argparse.ArgumentParser]:
    """The commands that print no vectors: other forms of the encoder, and a page to try it."""
    onnx = commands.add_parser(
        "onnx",
        help="an encoder's folder with its backbone in ONNX",
        description="A copy of an encoder's folder with onnx/model.onnx in it, for onnxruntime on a CPU; needs "
        "onnx and onnxruntime. The file is then a --model of the other commands.",
    )
    onnx.add_argument("--out", type=Path, required=True, help="a folder that is not there yet")
    onnx.add_argument("--int8", action="store_true", help="onnx/model_qint8.onnx too: weights in 8-bit integers")
    static = commands.add_parser(
        "static",
        help="an encoder distilled to token vectors",
        description="Distils an encoder with model2vec into a folder that SentenceTransformer reads too: a vector for "
        "each piece of its tokenizer, whose mean is a text's. Some ninety times as fast on a CPU, and far less exact. "
        "The folder has no prompts. Needs model2vec and skeletoken.",
    )
    static.add_argument("--out", type=Path, required=True, help="a folder that is not there yet")
    static.add_argument(
        "--dimensions", type=_count, help="principal components that are kept (256, or all where there are fewer)"
    )
    demo = commands.add_parser(
        "demo",
        help="a web page to try the encoder",
        description="A page, for browsers on this machine alone, that compares two sentences, searches a list and "
        "puts it into groups. Its address is told on standard error; Ctrl-C ends it.",
    )
    demo.add_argument("--port", type=_port, default=8765, help="of 127.0.0.1; 0: any that is free (8765)")
    return [onnx, static, demo]


def _new(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The command that begins an experiment."""
    new = commands.add_parser(
        "new",
        help="an experiment on your own files",
        description="Looks at CSV, TSV, JSON lines, Parquet and text files, says what it takes each for, and writes "
        "conf/experiment/NAME.yaml and conf/corpora/NAME.yaml, in the project's folder. Nothing is asked, and nothing "
        "is overwritten without --force. Of several files the one with scores, or labels 1 and 0, is scored on.",
    )
    new.add_argument("files", nargs="+", type=Path, metavar="FILE", help="what to train on; a folder of texts too")
    new.add_argument(
        "--test",
        nargs="+",
        type=Path,
        default=[],
        metavar="FILE",
        help="what to score on: scored pairs, pairs labelled 1 or 0, or a search (query and document; or three files: "
        "documents, queries, which are relevant)",
    )
    new.add_argument(
        "--dev",
        nargs=1,
        type=Path,
        default=[],
        metavar="FILE",
        help="what chooses the checkpoint (default: half of the test's file)",
    )
    new.add_argument(
        "--shape",
        nargs="+",
        action="append",
        default=[],
        metavar="WORD",
        help=f"[FILE] and what its rows are: {', '.join([*FIELDS, 'ranking'])}",
    )
    new.add_argument(
        "--columns",
        nargs="+",
        action="append",
        default=[],
        metavar="WORD",
        help="[FILE] and FIELD=COLUMN, as anchor=question; a number is a place from 0 in a CSV without a header",
    )
    new.add_argument(
        "--labels",
        nargs="+",
        action="append",
        default=[],
        metavar="WORD",
        help="[FILE] and WORD=MEANING: of NLI entailment, neutral, contradiction, or null to leave a row out; of two "
        "sentences 1 for the same meaning, 0 for another",
    )
    new.add_argument("--name", help="of the experiment (default: that of the first file)")
    new.add_argument(
        "--model",
        default="minilm",
        help="an option of conf/model/, a folder, pkg:module/path or owner/name@revision (minilm)",
    )
    new.add_argument("--force", action="store_true", help="overwrite what this command wrote before")


def _count(word: str) -> int:
    return _whole(word, 1, MOST)


def _port(word: str) -> int:
    return _whole(word, 0, (1 << 16) - 1)


def _whole(word: str, least: int, most: int) -> int:
    try:
        value = int(word)
    except ValueError:
        value = least - 1
    if not least <= value <= most:
        raise argparse.ArgumentTypeError(f"{word}: a whole number from {least} to {most} is needed")
    return value
