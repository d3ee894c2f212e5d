"""The C library's heap in a process whose threads come and go, or that needs much for a while.

The GNU C library gives threads arenas, up to eight a core, and every arena keeps the most that
a thread ever needed there. A page or a renewal meets one arena now and another later, so the
sum grows until each of them has seen the largest. Threads of Python allocate one at a time
anyway. What is free below a block in use stays with the process until it is asked for.
"""

import ctypes

#: ``M_ARENA_MAX`` of ``mallopt``.
_ARENA_MAX = -8


def share_one_arena() -> bool:
    """Let all threads started from now on allocate in one arena.

    Returns:
        Whether they do: other libraries than GNU's have no arenas, or no such option.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and bool(mallopt(_ARENA_MAX, 1))


def return_free_memory() -> bool:
    """Give free pages of the heap back to the system: what is needed next may be elsewhere.

    Returns:
        Whether there were any: other libraries than GNU's decide themselves.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return trim is not None and bool(trim(0))
