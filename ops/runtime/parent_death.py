"""End a process when its parent dies, even if the parent is killed.

As a script, ``parent_death.py PARENT PROGRAM ARG…`` becomes a program that gets SIGTERM when
its parent dies. The script runs in the program's process, because a supervisor with threads
must not run code between fork and exec. It imports none of our modules and starts in a few
milliseconds.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def end_with_parent(parent: int) -> None:
    """Request SIGTERM for the death of the parent, and exit if it has died already.

    The kernel sends the signal when the *thread* that started this process ends.
    """
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM))
    if os.getppid() != parent:
        sys.exit()


def main() -> None:
    """Request the parent-death signal, then become the program."""
    parent, program = int(sys.argv[1]), sys.argv[2:]
    end_with_parent(parent)
    os.execv(program[0], program)  # noqa: S606 - the supervisor's own command


if __name__ == "__main__":
    main()
