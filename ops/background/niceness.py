"""How the kernel shares processors: lower the share of a process, and let others interrupt it.

Niceness divides a processor among the processes of one session only, where Linux groups
sessions (``sched_autogroup_enabled``) and no container or unit groups them otherwise. Each
backend of PostgreSQL is a session of its own, so there its group gets the niceness too.

Niceness alone does not let a callback in at once: a process that runs keeps the processor for
up to its slice, some 4 ms. With a longer slice than that of others it is interrupted by each of
them, since Linux 6.12; older kernels ignore slices. It still gets its share, in longer turns.
"""

import ctypes
import os
import platform
import re
import struct
from contextlib import suppress
from pathlib import Path

#: Longer than the default slice, which is at most 3 ms. Its turn comes the later, the longer
#: it is, and meanwhile it may hold a lock that a callback waits for.
SLICE_NS = 5_000_000
#: The number of ``sched_setattr`` by machine; the C library has no function for it.
_SCHED_SETATTR = {"x86_64": 314, "aarch64": 274}
#: ``struct sched_attr``: size, policy, flags, nice, priority, runtime, deadline, period.
_ATTRIBUTES = "IIQiIQQQ"
_GROUP_NICE = re.compile(r"nice (-?\d+)")


def lower(pid: int, nice: int) -> None:
    """Make a process at least so nice; 0: this one. One of another user stays as it is."""
    with suppress(ProcessLookupError, PermissionError):
        if os.getpriority(os.PRIO_PROCESS, pid) < nice:
            os.setpriority(os.PRIO_PROCESS, pid, nice)
            _lengthen_slice(pid, nice)
        _lower_session(pid, nice)


def _lengthen_slice(pid: int, nice: int) -> None:
    number = _SCHED_SETATTR.get(platform.machine())
    if number is None or os.sched_getscheduler(pid) != os.SCHED_OTHER:
        return
    size = struct.calcsize(_ATTRIBUTES)
    attributes = struct.pack(_ATTRIBUTES, size, os.SCHED_OTHER, 0, nice, 0, SLICE_NS, 0, 0)
    # A kernel that refuses it leaves the process as it was, and nice.
    ctypes.CDLL(None).syscall(number, pid, attributes, 0)


def _lower_session(pid: int, nice: int) -> None:
    """Lower the group of a session if the process leads it; others may be in it else.

    The kernel takes one change in 100 ms from an ordinary user, so the next look repeats it.
    """
    if os.getsid(pid) != (pid or os.getpid()):
        return
    group = Path(f"/proc/{pid or 'self'}/autogroup")
    with suppress(OSError):
        current = _GROUP_NICE.search(group.read_text())
        if current is not None and int(current[1]) < nice:
            group.write_text(str(nice))
