"""The C library's heap in a process whose threads come and go.

The GNU C library gives threads arenas, up to eight a core, and every arena keeps the most that
a thread ever needed there. A page or a renewal meets one arena now and another later, so the
sum grows until each of them has seen the largest. Threads of Python allocate one at a time
anyway.
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
