"""A real Dask cluster on loopback: one process per scheduler and worker."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.meta.tree import ROOT

#: Longest wait for the scheduler's address, in seconds.
PATIENCE_S = 120.0


@contextmanager
def dask_cluster(folder: Path, *, workers: int) -> Iterator[str]:
    """Run a cluster; yields the scheduler's address and stops everything at the end."""
    address_file = folder / "scheduler.json"
    with ExitStack() as stack:
        scheduler = stack.enter_context(
            _process(
                folder,
                "scheduler",
                *("--host", "127.0.0.1", "--port", "0", "--no-dashboard"),
                *("--scheduler-file", str(address_file)),
            )
        )
        address = _address(address_file, scheduler)
        for number in range(workers):
            local = folder / f"worker-{number}"
            local.mkdir()
            stack.enter_context(
                _process(
                    local,
                    "worker",
                    *(address, "--host", "127.0.0.1", "--no-dashboard", "--no-nanny"),
                    *("--nthreads", "1", "--memory-limit", "0"),
                    *("--local-directory", str(local)),
                )
            )
        yield address


@contextmanager
def _process(
    folder: Path, program: str, *arguments: str
) -> Iterator["subprocess.Popen[bytes]"]:
    with (folder / f"{program}.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "dask", program, *arguments],
            stdout=log,
            stderr=log,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), "DASK_CONFIG": str(folder)},
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def _address(path: Path, scheduler: "subprocess.Popen[bytes]") -> str:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        assert scheduler.poll() is None, "the scheduler ended"
        try:
            return str(json.loads(path.read_text())["address"])
        except (FileNotFoundError, ValueError):
            time.sleep(0.05)
    raise AssertionError("the scheduler has not written its address")
