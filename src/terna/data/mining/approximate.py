"""Approximate search by faiss: the candidates of the cells that are nearest to a query, compared exactly."""

import math
from typing import Any

import numpy as np

from terna.arrays import Ints, Vectors
from terna.data.mining.nearest import BLOCK
from terna.errors import ModelError

# vectors that cells are found from, for each cell
TRAINED = 64
# cells that are looked through for a query
PROBED = 128


def check_faiss() -> None:
    """ModelError when faiss is not installed."""
    faiss_for("mine.search")


class Cells:
    """Vectors (n, d) in about 4 sqrt(n) cells of neighbours, each of them held as it is.

    The cells are found by k-means from a sample that is evenly spread over the rows, in one thread and from a fixed
    seed: the same for the same vectors.
    """

    def __init__(self, candidates: Vectors) -> None:
        faiss, (count, width) = faiss_for("mine.search"), candidates.shape
        cells = max(1, min(round(4 * math.sqrt(count)), count // TRAINED))
        threads = faiss.omp_get_max_threads()
        faiss.omp_set_num_threads(1)
        try:
            self._index: Any = faiss.IndexIVFFlat(faiss.IndexFlatIP(width), width, cells, faiss.METRIC_INNER_PRODUCT)
            self._index.train(np.ascontiguousarray(candidates[:: max(1, count // (cells * TRAINED))]))
            for first in range(0, count, BLOCK):
                self._index.add(np.ascontiguousarray(candidates[first : first + BLOCK]))
        finally:
            faiss.omp_set_num_threads(threads)
        self._index.nprobe = PROBED

    def nearest(self, queries: Vectors, count: int) -> tuple[Vectors, Ints]:
        """As `nearest`, of what the cells hold; where they hold fewer than `count`, the last are -inf and row -1."""
        scores, rows = self._index.search(np.ascontiguousarray(queries), count)
        scores[rows < 0] = -np.inf
        order = np.lexsort((rows, -scores), axis=1)
        return np.take_along_axis(scores, order, axis=1), np.take_along_axis(rows, order, axis=1)


def faiss_for(option: str) -> Any:
    """The library; ModelError, with the option that asks for it, when it is not installed."""
    try:
        import faiss
    except ImportError as error:
        raise ModelError(f"{option}: faiss cannot be imported ({error}); pip install -e '.[faiss]'") from error
    return faiss
