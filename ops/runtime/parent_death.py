"""Run a program that gets SIGTERM when its parent dies.

Usage: ``parent_death.py PARENT PROGRAM ARG…``

This runs before the program in the same process, because a supervisor with threads must not run
code between fork and exec. It imports nothing of ours and starts in a few milliseconds.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Request the parent-death signal, then become the program."""
    parent, program = int(sys.argv[1]), sys.argv[2:]
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM))
    if os.getppid() == parent:  # otherwise the parent has died already
        os.execv(program[0], program)  # noqa: S606 - the supervisor's own command


if __name__ == "__main__":
    main()
