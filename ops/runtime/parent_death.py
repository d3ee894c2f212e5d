"""Run a program that is asked to stop when its parent dies: ``leash.py PARENT PROGRAM ARG…``.

It runs before the program in the same process, so that no code has to run between fork and exec
of a supervisor with threads. It imports nothing of ours and starts in a few milliseconds.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Put on the leash and become the program."""
    parent, program = int(sys.argv[1]), sys.argv[2:]
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM))
    if os.getppid() == parent:  # else it died before the leash was on
        os.execv(program[0], program)  # noqa: S606 - the supervisor's own command


if __name__ == "__main__":
    main()
