"""Encode lines, search them, compare sentences, export an encoder, try it in a browser, or begin an experiment."""

import argparse
from pathlib import Path
from typing import get_args
from urllib.parse import urlsplit

from terna.metrics.similarity import SIMILARITIES
from terna.serving.cli.experiment_arguments import add_new
from terna.serving.cli.quantization import KINDS
from terna.serving.cli.writers import FORMATS
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
        "--device",
        default=AUTO,
        choices=[AUTO, "cuda", "cpu"],
        help="device of the actors (auto: GPUs, if there are any)",
    )
    for command in (encode, search, similarity, demo):
        command.add_argument(
            "--device", default=AUTO, help="auto, cuda, cuda:N, mps or cpu (auto: the fastest that torch finds)"
        )
    for command in (encode, files, search, similarity, demo):
        command.add_argument(
            "--precision",
            choices=get_args(Precision),
            default="float32",
            help="number format in which the model computes (float32); the vectors are float32 in every case",
        )
    add_new(commands)
    return parser


def _encode(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """The command that writes vectors."""
    encode = commands.add_parser(
        "encode",
        help="encode lines",
        description="Writes one vector for each line of standard input (UTF-8), in the order of the lines. A line that "
        "is blank or not UTF-8 has no vector (NaN in .npy); the number of such lines is printed. Memory does not grow "
        "with the input. The metadata of the Parquet schema, or OUT.json for other formats, record the model.",
    )
    encode.add_argument(
        "--out", type=Path, help="the output file, renamed into place when complete; default: standard output"
    )
    encode.add_argument("--format", choices=FORMATS, help="default: from the name of --out, or parquet")
    _prompts(encode)
    encode.add_argument("--dimensions", type=_count, metavar="N", help="keep the first N dimensions; default: all")
    encode.add_argument(
        "--vectors",
        choices=KINDS,
        default="float32",
        help="how vectors are stored in Parquet: int8 with a scale per vector, or binary, the signs (float32)",
    )
    encode.add_argument("--chunk", type=_count, default=8192, help="lines in memory at once (8192)")
    encode.add_argument(
        "--processes",
        type=_count,
        default=1,
        help="number of processes with the model; each has a share of the CPUs or its own CUDA device (1)",
    )
    return encode


def _encode_files(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """The command that writes folders of vectors."""
    files = commands.add_parser(
        "encode-files",
        help="encode many files, in several processes or on several machines",
        description="Writes a folder of Parquet shards with one vector for each row of the files, sorted by file name "
        "and row. Ray Data sends blocks of rows to actors that hold the model; this needs ray. After a run that was "
        "stopped, the same command encodes what is missing. When all shards are complete, it writes _index.json.",
    )
    files.add_argument(
        "--from",
        dest="place",
        required=True,
        metavar="PLACE",
        help="a folder, a pattern ('texts/*.parquet') or a file, also as an fsspec URL (s3://…): .parquet, .jsonl, "
        ".ndjson, or .txt with one text per line",
    )
    files.add_argument("--out", type=Path, required=True, help="the output folder, which all machines can access")
    files.add_argument("--column", default="text", help="column or key of the texts in Parquet and JSON lines (text)")
    files.add_argument(
        "--address", help="address of a Ray cluster: auto or HOST:PORT; default: start Ray on this machine"
    )
    files.add_argument(
        "--actors",
        type=_count,
        help="number of actors that hold the model (one per GPU, or one per machine without GPUs)",
    )
    files.add_argument(
        "--block", type=_count, default=1 << 16, help="rows per shard, the most that a kill loses (65536)"
    )
    _prompts(files)
    return files


def _prompts(command: argparse.ArgumentParser) -> None:
    before = command.add_mutually_exclusive_group()
    before.add_argument(
        "--prompt", metavar="TEXT", help="text to put before each line; default: the model's default prompt"
    )
    before.add_argument("--prompt-name", metavar="NAME", help="name of one of the model's prompts: query, document, …")


def _compared(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> list[argparse.ArgumentParser]:
    """The commands that compare texts."""
    search = commands.add_parser(
        "search",
        help="find the lines nearest to a query",
        description="Prints the lines of a corpus that are nearest to each query: rank, similarity and line, separated "
        "by tabs. With several queries, each result begins with a line that has the query. A tab, newline or "
        "carriage return in a text is printed as \\t, \\n or \\r. The model's prompts for queries and "
        "documents are used.",
    )
    search.add_argument("queries", nargs="*", help="the queries; default: the lines of standard input")
    search.add_argument("--corpus", type=Path, required=True, help="a text file, or what encode wrote in Parquet")
    search.add_argument("--top", type=_count, default=10, help="lines to print per query (10)")
    search.add_argument(
        "--any-model", action="store_true", help="accept vectors that do not record --model as their model"
    )
    search.add_argument("--measure", choices=SIMILARITIES, default="cosine")
    search.add_argument(
        "--rescore",
        type=_count,
        metavar="K",
        help="for truncated or quantized vectors: encode the K times --top nearest lines again and rank them",
    )
    search.add_argument(
        "--index",
        type=Path,
        metavar="FILE",
        help="search approximately, with faiss's HNSW graph in this file; it is built if it does not exist",
    )
    search.add_argument("--chunk", type=_count, default=8192, help="lines in memory at once (8192)")

    similarity = commands.add_parser(
        "similarity",
        help="compare two sentences",
        description="Prints the four similarities of two sentences, or of the two sentences in each line of standard "
        "input, separated by a tab. Distances have their sign changed: higher means more similar.",
    )
    similarity.add_argument(
        "sentences", nargs="*", metavar="sentence", help="two sentences, or none to read standard input"
    )
    return [search, similarity]


def _around(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> list[argparse.ArgumentParser]:
    """The commands that export the encoder in other forms, and the page to try it."""
    onnx = commands.add_parser(
        "onnx",
        help="export an encoder to ONNX",
        description="Writes a copy of an encoder's folder and adds onnx/model.onnx, for onnxruntime on a CPU. Needs "
        "onnx and onnxruntime. The other commands accept this file as --model.",
    )
    onnx.add_argument("--out", type=Path, required=True, help="a folder that does not exist yet")
    onnx.add_argument(
        "--int8", action="store_true", help="also write onnx/model_qint8.onnx, with weights in 8-bit integers"
    )
    static = commands.add_parser(
        "static",
        help="distil an encoder to token vectors",
        description="Distils an encoder with model2vec into a folder that SentenceTransformer also reads. It has one "
        "vector per token, and the vector of a text is their mean. About ninety times as fast on a CPU, with much "
        "lower scores. The folder has no prompts. Needs model2vec and skeletoken.",
    )
    static.add_argument("--out", type=Path, required=True, help="a folder that does not exist yet")
    static.add_argument(
        "--dimensions", type=_count, help="principal components to keep (256, or all if there are fewer)"
    )
    demo = commands.add_parser(
        "demo",
        help="serve a web page to try the encoder",
        description="Serves a page, in English or Spanish, that compares two sentences, searches a list or a file "
        "beside a lexical baseline, and groups sentences. Only browsers on this machine can open it, unless --site is "
        "given. Prints the address on standard error. Ctrl-C ends it.",
    )
    demo.add_argument("--port", type=_port, default=8765, help="port on 127.0.0.1; 0: any free port (8765)")
    demo.add_argument(
        "--corpus",
        type=Path,
        metavar="FILE",
        help="a file that the page searches: .csv, .tsv, .jsonl, .ndjson, or text with one sentence per line",
    )
    demo.add_argument(
        "--site",
        type=_site,
        metavar="URL",
        help="serve to other machines, behind a proxy with this address (https://owner-name.hf.space); see make space",
    )
    return [onnx, static, demo]


def _site(word: str) -> str:
    """The scheme and host of an address, as a browser names them in Origin."""
    parts = urlsplit(word)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.path.strip("/") or parts.query:
        raise argparse.ArgumentTypeError(f"{word}: http:// or https:// and a host are needed, without a path")
    return f"{parts.scheme}://{parts.netloc.lower()}"


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
