"""Writing a history as the file of its system."""

from collections.abc import Sequence
from pathlib import Path

from simulator.protocol.history_lines import HistoryLine, RunSpan
from simulator.protocol.system import System


def write_statement(
    path: Path, system: System, lines: Sequence[HistoryLine], span: RunSpan
) -> int:
    """Write the file of a system that has statements.

    Returns:
        The number of lines written, without a header.
    """
    assert system.statement is not None, system.name
    path.parent.mkdir(parents=True, exist_ok=True)
    own = [line for line in lines if line.side is system]
    with path.open("w", encoding="utf-8", newline="") as file:
        system.statement.write(file, own, span)
    return len(own)
