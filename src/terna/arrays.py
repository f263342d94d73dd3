"""The types of NumPy arrays that pass between modules: one name a kind."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.integer[Any]]
Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
# sentence vectors, (sentences, dimension)
Vectors = NDArray[np.float32]
