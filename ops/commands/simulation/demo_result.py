"""What a demo came to: as a file that the seed alone decides, and on the terminal."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the commands of one demo printed.

    Attributes:
        halves: runs over two windows that meet, of a provider whose history names no rounds.
    """

    simulation: Mapping[str, Any]
    verify: Mapping[str, Any]
    reconciled: Mapping[str, Mapping[str, Any]]
    halves: Sequence[Mapping[str, Any]]
    entries: int
    reports: Sequence[str]


Named = tuple[str, str, str, str, str]


def _injected(evidence: Evidence) -> list[Named]:
    return sorted(_named(one, one["provider"]) for one in evidence.simulation["faults"])


def _found(evidence: Evidence) -> list[Named]:
    return sorted(
        _named({**one, "round_id": one["round_key"]}, slug)
        for slug, run in evidence.reconciled.items()
        for one in run["breaks"]
    )


def _named(one: Mapping[str, str], provider: str) -> Named:
    return provider, one["kind"], one["round_id"], one["currency"], one["difference"]


def result_of(evidence: Evidence) -> dict[str, Any]:
    """What the seed decides, and nothing else: no instants, no run ids, no batch counts."""
    injected, found = _injected(evidence), _found(evidence)
    simulation = evidence.simulation
    return {
        **{name: simulation[name] for name in _DECIDED_BY_SEED},
        "history": simulation["history"],
        "verify": {
            "clean": evidence.verify["clean"],
            "wrong": {one["name"]: one["wrong"] for one in evidence.verify["checks"]},
        },
        "reconciled": {
            slug: {name: run[name] for name in ("matched", "timing", "conserved")}
            | {side: run[side] for side in ("ours", "theirs")}
            for slug, run in evidence.reconciled.items()
        },
        "injected": [list(one) for one in injected],
        "found": [list(one) for one in found],
        "as_expected": injected == found
        and evidence.verify["clean"]
        and simulation["mismatched"] == 0
        and simulation["history"]["unacknowledged"] == 0
        and all(run["conserved"] for run in evidence.reconciled.values())
        and _halves_tell_the_same(evidence),
    }


def _halves_tell_the_same(evidence: Evidence) -> bool:
    """Whether windows that meet in the middle say together what the whole one says."""
    whole = {
        one["id"]: one["difference"]
        for run in evidence.halves
        for one in evidence.reconciled[run["provider"]]["breaks"]
    }
    halves = {one["id"]: one["difference"] for run in evidence.halves for one in run["breaks"]}
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
    """Print what came of a demo; ``written`` is where the result is."""
    console = Console()
    summary = Table("what", "figure", title="tieout demo")
    summary.columns[1].justify = "right"
    for name, figure in _summary(result, evidence):
        summary.add_row(name, figure)
    console.print(summary)
    console.print(_faults_table(result["injected"], result["found"]))
    for one in evidence.simulation["mismatches"]:
        console.print(f"unexpected answer: {one}")
    tables = [path for path in evidence.reports if path.endswith(".csv")]
    for path in evidence.reports:
        if path not in tables:
            console.print(f"report: {path}", soft_wrap=True, highlight=False)
    console.print(f"beside them {len(tables)} tables as CSV")
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


def _faults_table(injected: Sequence[list[str]], found: Sequence[list[str]]) -> Table:
    table = Table("provider", "kind", "injected", "found", "", title="faults and breaks")
    counted = [Counter((one[0], one[1]) for one in side) for side in (injected, found)]
    for provider, kind in sorted(counted[0] | counted[1]):
        sides = [
            {tuple(one) for one in side if (one[0], one[1]) == (provider, kind)}
            for side in (injected, found)
        ]
        mark = "same" if sides[0] == sides[1] else "DIFFERENT"
        table.add_row(provider, kind, *(str(c[provider, kind]) for c in counted), mark)
    return table
