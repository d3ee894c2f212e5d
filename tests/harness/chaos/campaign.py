"""The fault campaign: ``python -m tests.harness.chaos.campaign [ROUNDS]``, or ``make chaos``.

Every fault gets a Tieout of its own, under traffic, and happens ROUNDS times to it. Then every
answer that providers got is compared with the books. Exit 1 when anything was lost, doubled,
answered wrongly or does not verify.

Environment: ONLY, a part of the names of the faults to try; OUTAGE_S, how long what is out of
reach stays so, in seconds.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.harness.chaos.faults import FAULTS, Fault
from tests.harness.chaos.load import first_answer
from tests.harness.chaos.stack import Proof, SmallDiskStack
from tests.harness.servers.running import PATIENCE_S

#: Loads beside each other: while one begins a simulation, the other goes on.
LOADS = 2
#: Set once this process has file systems of its own.
MOUNTS = "CHAOS_MOUNTS"
#: The supervisor calls ten deaths within a minute hopeless: beyond some rounds we go slower.
QUICK_ROUNDS, PAUSE_S = 6, 8.0
COLUMNS = (
    *("fault", "times", "acknowledged", "booked once", "lost", "doubled", "wrong answers"),
    *("verify", "replay", "first answer s", "worked off s"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What became of one fault: how often it happened, the proof, seconds to recover."""

    fault: Fault
    times: int
    proof: Proof
    answered_s: Sequence[float]
    worked_off_s: Sequence[float]


def attempt(fault: Fault, rounds: int, folder: Path, *, seed: int = 1) -> Trial:
    """Hurt a fresh stack under load, round after round, and prove its books.

    Raises:
        AssertionError: it did not recover within patience.
        RuntimeError: a provider was left without a final answer.
    """
    times = 1 if fault.once else rounds
    answered, worked_off = [], []
    stack = fault.stack(folder)
    try:
        loads = [stack.load(seed=seed + number * 1_000_000) for number in range(LOADS)]
        first_answer(loads, 0.0, patience_s=PATIENCE_S)
        for number in range(times):
            time.sleep(PAUSE_S if number >= QUICK_ROUNDS else 0)
            fault.happen(stack)
            over = time.monotonic()
            answered.append(first_answer(loads, over, patience_s=PATIENCE_S))
            stack.until_worked_off()
            worked_off.append(time.monotonic() - over)
        for load in loads:
            load.finish()
        proof = stack.prove(loads)
    finally:
        stack.stop()
    return Trial(
        fault=fault, times=times, proof=proof, answered_s=answered, worked_off_s=worked_off
    )


def campaign(rounds: int, chosen: Sequence[Fault], console: Console) -> bool:
    """Try the faults, print the table; whether every proof holds."""
    table = Table(title=f"{rounds} rounds of each fault, under traffic")
    for name in COLUMNS:
        table.add_column(name, justify="left" if name == "fault" else "right")
    all_hold = True
    for fault in chosen:
        began = time.monotonic()
        row, holds = _tried(fault, rounds, console)
        table.add_row(*row, style=None if holds else "bold red")
        seconds = time.monotonic() - began
        console.print(f"{fault.name}: {'holds' if holds else 'FAILS'} ({seconds:.0f} s)")
        all_hold = all_hold and holds
    console.print(table)
    return all_hold


def _tried(fault: Fault, rounds: int, console: Console) -> tuple[list[str], bool]:
    if fault.stack is SmallDiskStack and MOUNTS not in os.environ:
        return [fault.name, "0", "no right to mount a file system here"], False
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    try:
        trial = attempt(fault, rounds, folder)
    except Exception:  # noqa: BLE001 - a fault that fails must not hide the others
        console.print(traceback.format_exc(), markup=False, highlight=False)
        console.print(f"what it left is in {folder}")
        return [fault.name, "?", "did not recover"], False
    if trial.proof.holds:
        shutil.rmtree(folder)
    else:
        console.print(trial.proof)
        console.print(f"what it left is in {folder}")
    return _row(trial), trial.proof.holds


def _row(trial: Trial) -> list[str]:
    proof = trial.proof
    figures = (
        *(trial.times, proof.acknowledged, proof.once),
        *(proof.lost, proof.doubled, proof.wrong + proof.parked),
    )
    return [
        trial.fault.name,
        *(f"{figure:,}" for figure in figures),
        *(proof.verify, proof.replay),
        *(_spread(trial.answered_s), _spread(trial.worked_off_s)),
    ]


def _spread(seconds: Sequence[float]) -> str:
    """Median and longest."""
    return f"{statistics.median(seconds):.1f} … {max(seconds):.1f}"


def _with_own_mounts() -> None:
    """Go on in a mount namespace of our own where that is allowed: it ends with us."""
    if MOUNTS in os.environ:
        return
    unshare = ["unshare", "--mount"]
    if os.geteuid() != 0:
        unshare += ["--user", "--map-root-user"]
    if shutil.which("unshare") and _works([*unshare, "mount", "-t", "tmpfs", "tmpfs", "/mnt"]):
        again = [sys.executable, "-m", "tests.harness.chaos.campaign", *sys.argv[1:]]
        os.execvpe(unshare[0], [*unshare, *again], {**os.environ, MOUNTS: "1"})


def _works(command: Sequence[str]) -> bool:
    return subprocess.run(command, capture_output=True).returncode == 0


def main() -> None:
    """Run the campaign."""
    _with_own_mounts()
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    only = os.environ.get("ONLY", "")
    chosen = [fault for fault in FAULTS if only in fault.name]
    sys.exit(0 if campaign(rounds, chosen, Console(width=180)) else 1)


if __name__ == "__main__":
    main()
