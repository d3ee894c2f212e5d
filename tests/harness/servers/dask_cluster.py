"""A real Dask cluster on loopback: a scheduler and workers, each a process of its own."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.meta.tree import ROOT

#: Longest wait for the scheduler to say where it listens.
PATIENCE_S = 120.0


@contextmanager
def dask_cluster(folder: Path, *, workers: int) -> Iterator[str]:
    """The address of the scheduler; everything ends with the block."""
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
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        assert scheduler.poll() is None, "the scheduler ended"
        try:
            return str(json.loads(path.read_text())["address"])
        except (FileNotFoundError, ValueError):
            time.sleep(0.05)
    raise AssertionError("the scheduler does not say where it listens")
