"""Several corpora mixed by weight: which triplets an epoch is made of."""

from collections.abc import Sequence

import numpy as np

from terna.arrays import Ints

# apart from the streams that other modules draw from [seed, epoch]
_STREAM = 1


def drawn(corpus: Ints, weights: Sequence[float], seed: int, epoch: int) -> Ints:
    """Row numbers of an epoch, rising: a row of a corpus with weight w is in it w times on average.

    corpus: (n,) places in `weights`, which are finite and not negative. A row comes floor(w) times, and once more with
    the probability that is left, drawn again each epoch: a function of the arguments alone, in which a row's draw does
    not depend on the weights of the others. With all weights 1 each row comes once.
    """
    wanted = np.asarray(weights, np.float64)[corpus]
    whole = np.floor(wanted)
    more = np.random.default_rng([seed, epoch, _STREAM]).random(len(corpus)) < wanted - whole
    return np.repeat(np.arange(len(corpus)), whole.astype(np.int64) + more)
