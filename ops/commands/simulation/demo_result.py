"""The result of a demo: a file that depends only on the seed, and a terminal summary."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from ops.commands.tables import open_console
from vocabulary.plurals import counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The output of one demo's commands.

    Attributes:
        halves: runs over two windows that meet, of a provider whose history names no rounds.
    """

    simulation: Mapping[str, Any]
    verify: Mapping[str, Any]
    reconciled: Mapping[str, Mapping[str, Any]]
    halves: Sequence[Mapping[str, Any]]
    entries: int
    reports: Sequence[str]


FaultName = tuple[str, str, str, str, str]


def _injected_faults(evidence: Evidence) -> list[FaultName]:
    return sorted(
        _fault_name(fault, fault["provider"]) for fault in evidence.simulation["faults"]
    )


def _found_breaks(evidence: Evidence) -> list[FaultName]:
    return sorted(
        _fault_name({**break_, "round_id": break_["round_key"]}, slug)
        for slug, run in evidence.reconciled.items()
        for break_ in run["breaks"]
    )


def _fault_name(fault: Mapping[str, str], provider: str) -> FaultName:
    return provider, fault["kind"], fault["round_id"], fault["currency"], fault["difference"]


def result_of(evidence: Evidence) -> dict[str, Any]:
    """The part that depends only on the seed: no instants, no run ids, no batch counts."""
    injected, breaks = _injected_faults(evidence), _found_breaks(evidence)
    simulation = evidence.simulation
    return {
        **{name: simulation[name] for name in _DECIDED_BY_SEED},
        "history": simulation["history"],
        "verify": {
            "clean": evidence.verify["clean"],
            "wrong": {entry["name"]: entry["wrong"] for entry in evidence.verify["checks"]},
        },
        "reconciled": {
            slug: {name: run[name] for name in ("matched", "timing", "conserved")}
            | {side: run[side] for side in ("ours", "theirs")}
            for slug, run in evidence.reconciled.items()
        },
        "injected": [list(entry) for entry in injected],
        "found": [list(entry) for entry in breaks],
        "as_expected": injected == breaks
        and evidence.verify["clean"]
        and simulation["mismatched"] == 0
        and simulation["history"]["unacknowledged"] == 0
        and all(run["conserved"] for run in evidence.reconciled.values())
        and _halves_equal_whole(evidence),
    }


def _halves_equal_whole(evidence: Evidence) -> bool:
    """Whether two adjacent windows together give the breaks of the whole window."""
    whole = {
        break_["id"]: break_["difference"]
        for run in evidence.halves
        for break_ in evidence.reconciled[run["provider"]]["breaks"]
    }
    halves = {
        break_["id"]: break_["difference"]
        for run in evidence.halves
        for break_ in run["breaks"]
    }
    return whole == halves and all(run["conserved"] for run in evidence.halves)


_DECIDED_BY_SEED = (
    "seed",
    "players",
    "callbacks",
    "accepted",
    "declined",
    "repeated",
    "conflicts",
    "refused",
    "balances",
    "closing_balances",
    "mismatched",
)


def show(result: Mapping[str, Any], evidence: Evidence, written: Path) -> None:
    """Print the result of a demo; ``written`` is the path of its file."""
    console = open_console()
    summary = Table("what", "figure", title="tieout demo")
    summary.columns[1].justify = "right"
    for name, figure in _summary(result, evidence):
        summary.add_row(name, figure)
    console.print(summary)
    console.print(_faults_table(result["injected"], result["found"]))
    for mismatch in evidence.simulation["mismatches"]:
        console.print(f"unexpected answer: {mismatch}")
    tables = [path for path in evidence.reports if path.endswith(".csv")]
    for path in evidence.reports:
        if path not in tables:
            console.print(f"report: {path}", soft_wrap=True, highlight=False)
    console.print(f"beside them {counted(len(tables), 'table')} as CSV")
    console.print(f"result: {written}", soft_wrap=True, highlight=False)
    console.print("as expected" if result["as_expected"] else "NOT AS EXPECTED")


def _summary(result: Mapping[str, Any], evidence: Evidence) -> list[tuple[str, str]]:
    matched = sum(run["matched"] for run in result["reconciled"].values())
    timing = sum(sum(run["timing"].values()) for run in result["reconciled"].values())
    return [
        ("callbacks delivered", f"{result['callbacks']:,}"),
        ("callbacks accepted", f"{result['accepted']:,}"),
        ("unexpected answers", f"{result['mismatched']:,}"),
        ("entries posted", f"{evidence.entries:,}"),
        ("ledger verify", "clean" if result["verify"]["clean"] else "NOT CLEAN"),
        ("rounds matched", f"{matched:,}"),
        ("rounds in timing", f"{timing:,}"),
        ("faults injected", f"{len(result['injected']):,}"),
        ("breaks found", f"{len(result['found']):,}"),
    ]


def _faults_table(injected: Sequence[list[str]], breaks: Sequence[list[str]]) -> Table:
    table = Table("provider", "kind", "injected", "found", "", title="faults and breaks")
    counted = [Counter((fault[0], fault[1]) for fault in side) for side in (injected, breaks)]
    for provider, kind in sorted(counted[0] | counted[1]):
        sides = [
            {tuple(fault) for fault in side if (fault[0], fault[1]) == (provider, kind)}
            for side in (injected, breaks)
        ]
        mark = "same" if sides[0] == sides[1] else "DIFFERENT"
        table.add_row(provider, kind, *(str(c[provider, kind]) for c in counted), mark)
    return table
