"""Snapshots of a window are made in one place, which checks that no row of it left."""

import ast
from pathlib import Path

from tests.meta.tree import ROOT, modules, packages

#: The snapshots that read a database; others read one of these.
_OF_DATABASES = {"Snapshot", "PreparedSnapshot"}


def makes_snapshot(source: str) -> bool:
    """Whether a module makes a ``Snapshot`` of a database itself."""
    return any(
        isinstance(node, ast.Call)
        and getattr(node.func, "id", getattr(node.func, "attr", "")) in _OF_DATABASES
        for node in ast.walk(ast.parse(source))
    )


def test_only_the_gate_makes_a_snapshot() -> None:
    read = modules(*packages(), "benchmarks")
    makers = [path for path in read if makes_snapshot((ROOT / path).read_text())]

    assert makers == [Path("reconcile/snapshot/opening.py")]


def test_a_module_that_goes_past_the_gate_is_found() -> None:
    past = "from reconcile.snapshot import snapshot\nmine = snapshot.Snapshot(pair, pool)\n"
    assert makes_snapshot(past)
    assert makes_snapshot("mine = Snapshot(pair, pool)")
    assert makes_snapshot("mine = PreparedSnapshot(pair, pool)")
    assert not makes_snapshot("class Mine(Snapshot): ...")
