"""Mix integers into hashes whose every bit depends on every bit that goes in."""

import numpy as np
from numpy.typing import NDArray

from reconcile.snapshot.arrays import Amounts


def mixed(*columns: Amounts) -> Amounts:
    """Hash each row of some columns of equal length."""
    hashes = np.zeros(1, dtype=np.uint64)
    for column in columns:
        hashes = mix(hashes + column.view(np.uint64))
    signed: Amounts = hashes.view(np.int64)
    return signed


def mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Apply the finaliser of splitmix64: every input bit affects every output bit."""
    mixed = values ^ (values >> np.uint64(30))
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(27)
    mixed *= np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return mixed
