"""The fault campaign: ``python -m tests.harness.chaos.campaign [ROUNDS]``, or ``make chaos``.

Every fault is injected ROUNDS times into a Tieout of its own under traffic. Then every answer
that providers received is compared with the ledger. Exit 1 if anything is lost, doubled,
answered wrongly or does not verify.

Environment: ONLY, a part of the names of the faults to run; OUTAGE_S, how long outages last, in
seconds.
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
from tests.harness.servers.tieout_stack import PATIENCE_S

#: Parallel loads: while one starts a simulation, the other continues.
LOADS = 2
#: Set once this process runs in its own mount namespace.
MOUNTS = "CHAOS_MOUNTS"
#: The supervisor gives up after ten deaths within a minute, so later rounds are slower.
QUICK_ROUNDS, PAUSE_S = 6, 8.0
COLUMNS = (
    *("fault", "times", "acknowledged", "booked once", "lost", "doubled", "wrong answers"),
    *("verify", "replay", "first answer s", "worked off s"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """The result of one fault: how often it was injected, the proof, seconds to recover."""

    fault: Fault
    times: int
    proof: Proof
    first_answer_s: Sequence[float]
    worked_off_s: Sequence[float]


def attempt(fault: Fault, rounds: int, folder: Path, *, seed: int = 1) -> Trial:
    """Inject a fault into a fresh stack under load, round after round, and prove its ledger.

    Raises:
        AssertionError: the stack did not recover in time.
        RuntimeError: a provider received no final answer.
    """
    times = 1 if fault.is_once else rounds
    first_answer_s, worked_off_s = [], []
    stack = fault.stack(folder)
    try:
        loads = [stack.load(seed=seed + number * 1_000_000) for number in range(LOADS)]
        first_answer(loads, 0.0, patience_s=PATIENCE_S)
        for number in range(times):
            time.sleep(PAUSE_S if number >= QUICK_ROUNDS else 0)
            fault.inject(stack)
            ended_at = time.monotonic()
            first_answer_s.append(first_answer(loads, ended_at, patience_s=PATIENCE_S))
            stack.wait_until_worked_off()
            worked_off_s.append(time.monotonic() - ended_at)
        for load in loads:
            load.finish()
        proof = stack.prove(loads)
    finally:
        stack.stop()
    return Trial(
        fault=fault,
        times=times,
        proof=proof,
        first_answer_s=first_answer_s,
        worked_off_s=worked_off_s,
    )


def campaign(rounds: int, chosen: Sequence[Fault], console: Console) -> bool:
    """Run the faults and print a table; returns whether every proof holds."""
    table = Table(title=f"{rounds} rounds of each fault, under traffic")
    for name in COLUMNS:
        table.add_column(name, justify="left" if name == "fault" else "right")
    all_hold = True
    for fault in chosen:
        started = time.monotonic()
        row, holds = _try(fault, rounds, console)
        table.add_row(*row, style=None if holds else "bold red")
        seconds = time.monotonic() - started
        console.print(f"{fault.name}: {'holds' if holds else 'FAILS'} ({seconds:.0f} s)")
        all_hold = all_hold and holds
    console.print(table)
    return all_hold


def _try(fault: Fault, rounds: int, console: Console) -> tuple[list[str], bool]:
    if fault.stack is SmallDiskStack and MOUNTS not in os.environ:
        return [fault.name, "0", "needs the right to mount a file system"], False
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    try:
        trial = attempt(fault, rounds, folder)
    except Exception:  # noqa: BLE001 - one failing fault must not hide the others
        console.print(traceback.format_exc(), markup=False, highlight=False)
        console.print(f"its files are in {folder}")
        return [fault.name, "?", "did not recover"], False
    if trial.proof.holds:
        shutil.rmtree(folder)
    else:
        console.print(trial.proof)
        console.print(f"its files are in {folder}")
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
        *(_spread(trial.first_answer_s), _spread(trial.worked_off_s)),
    ]


def _spread(seconds: Sequence[float]) -> str:
    """Median and maximum."""
    return f"{statistics.median(seconds):.1f} … {max(seconds):.1f}"


def _with_own_mounts() -> None:
    """Re-execute in a private mount namespace if that is allowed."""
    if MOUNTS in os.environ:
        return
    unshare = ["unshare", "--mount"]
    if os.geteuid() != 0:
        unshare += ["--user", "--map-root-user"]
    if shutil.which("unshare") and _works([*unshare, "mount", "-t", "tmpfs", "tmpfs", "/mnt"]):
        command = [sys.executable, "-m", "tests.harness.chaos.campaign", *sys.argv[1:]]
        os.execvpe(unshare[0], [*unshare, *command], {**os.environ, MOUNTS: "1"})


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
