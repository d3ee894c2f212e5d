"""Benchmarks still run and prove their results; their figures at this size mean nothing."""

import json
import subprocess
import sys

import pytest

from tests.meta.tree import ROOT

#: Benchmark, and arguments that keep it short.
SMALL_RUNS = {
    "archive": ("--months", "1", "--seconds", "0.2", "--keep", "1"),
    "accept": (
        *("--seconds", "0.1", "--rounds", "1"),
        *("--dialects", "aggregator", "--connections", "16"),
    ),
    "console": (
        *("--operations", "20000", "--records", "20000", "--breaks", "200"),
        *("--views", "2", "--memory-views", "20"),
    ),
    "reconcile": ("--rows", "20000", "--repeat", "1"),
    "reconcile_scale": ("--rows", "5000"),
    "reports": ("--rows", "3000", "--differences", "30", "--repeat", "1"),
    "statement_import": ("--rows", "500", "--formats", "csv"),
}
SECONDS_MAX = 300


@pytest.mark.parametrize("benchmark", SMALL_RUNS)
def test_a_benchmark_ends_well_and_prints_its_result(benchmark: str) -> None:
    command = [sys.executable, "-m", f"benchmarks.{benchmark}", *SMALL_RUNS[benchmark]]
    run = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS_MAX, check=False
    )
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout.splitlines()[-1])["benchmark"] == benchmark
