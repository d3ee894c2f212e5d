"""The garbage collector in processes that answer requests, and in those that make packs.

A full collection searches everything that is loaded, modules above all: in the console a tenth
of a second and more, while one request waits for it and the others with it.
"""

import gc

#: New objects between two collections of a receiver; with Python's 700 one follows another.
OF_RECEIVER = 20_000
#: Of the console. Objects of pages are large: 20 000 that wait to be collected are 10 MiB.
OF_CONSOLE = 5_000
#: Of a process that makes packs: their rows are all in use until the last file is written.
OF_PACKS = 200_000


def skip_loaded(threshold: int) -> None:
    """Leave everything loaded so far out of collections, and collect less often.

    Args:
        threshold: new objects between two collections.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(threshold)
