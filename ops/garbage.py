"""The garbage collector in processes that answer requests.

A full collection searches everything that is loaded, modules above all: in the console a tenth
of a second and more, while one request waits for it and the others with it.
"""

import gc

#: New objects between two collections; with the default 700 one follows the other.
THRESHOLD = 20_000


def skip_loaded() -> None:
    """Leave everything loaded so far out of collections, and collect less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(THRESHOLD)
