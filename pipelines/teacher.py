"""Let the teacher encode the source sentences, once; without `train.distill` there is nothing to teach.

reads   data/parallel/sentences.parquet, data/tokens/tokenizer/, the teacher
does    the teacher's vectors of the sources, and the student's tokens of both sides
writes  data/teacher/: vectors, ids, offsets as .npy, teacher.json (what the teacher was), made.json
"""

from terna.running.stage import stage

from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from terna.provenance import record
from terna.records import PARALLEL, read_table, replacing, write_arrays, write_json
from terna.sentences import tokenize
from terna.settings import Model, Settings

PAIRS = Path("data/parallel/sentences.parquet")
TOKENIZER = Path("data/tokens/tokenizer")
OUT = Path("data/teacher")
# sentences that the teacher encodes at once
CHUNK = 4096


@stage
def main(settings: Settings) -> str:
    pairs = read_table(PAIRS, PARALLEL)
    asked = settings.train.distill
    described: dict[str, Any] | None = None
    threads: int | None = None
    if asked:
        described = teach(asked.teacher, pairs["source"].to_pylist(), settings.machine.progress)
        threads = computing_threads()
        ids, offsets = student_tokens(pairs, settings.model)
    else:
        ids, offsets = np.zeros(0, np.int32), np.zeros(1, np.int64)
        write_arrays({"vectors": np.zeros((0, 0), np.float32)}, OUT)
    write_arrays({"ids": ids, "offsets": offsets}, OUT)
    write_json(described, OUT / "teacher.json")
    record("teacher", settings, [PAIRS, TOKENIZER], [OUT], OUT / "made.json", threads=threads)
    return f"{len(pairs)} sentences encoded by {asked.teacher}" if asked else "train.distill is null: nothing encoded"


def teach(where: str, sources: list[str], progress: bool) -> dict[str, Any]:
    """Write the teacher's vectors of `sources` piece by piece; returns where the teacher was and its files' sha256."""
    from terna.systems import digests_of, load_system, locate

    teacher = load_system(where)
    width = teacher.encode(sources[:1]).shape[1]
    with (
        replacing(OUT / "vectors.npy") as beside,
        tqdm(total=len(sources), unit="sentence", desc="teacher", disable=None if progress else True) as bar,
    ):
        vectors = np.lib.format.open_memmap(beside, mode="w+", dtype=np.float32, shape=(len(sources), width))
        for first in range(0, len(sources), CHUNK):
            chunk = sources[first : first + CHUNK]
            vectors[first : first + len(chunk)] = teacher.encode(chunk)
            bar.update(len(chunk))
        vectors.flush()
    return {"where": where, "sha256": digests_of(locate(where))}


def computing_threads() -> int:
    """Those that torch computes with."""
    import torch

    return torch.get_num_threads()


def student_tokens(pairs: Any, model: Model) -> tuple[Any, Any]:
    """The student's tokens of all sources, then of all targets."""
    from terna.encoder import prompt_of
    from terna.encoder.pretrained import read_tokenizer

    tokenizer, prompt = read_tokenizer(str(TOKENIZER)), prompt_of(model)
    texts = [*pairs["source"].to_pylist(), *pairs["target"].to_pylist()]
    return tokenize(tokenizer, [prompt + text for text in texts], model.max_length)


if __name__ == "__main__":
    main()
