"""Commands that are background work yield in a process of their own, and only there."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import typer

from ops.cli import COMMANDS, load_command
from ops.commands.background import BACKGROUND, note_work
from ops.context import Context
from ops.settings.sections.background import BackgroundSettings
from ops.work import Work


def work_of(words: Sequence[str], *, is_own_process: bool) -> Work | None:
    """What is noted when a command of these words is invoked."""
    context = Context(config=None, data_dir=Path("data"), is_own_process=is_own_process)
    command = load_command(words[0])
    ctx = typer.Context(command, info_name="tieout", obj=context)
    for word in words:
        ctx = typer.Context(command, parent=ctx, info_name=word)
        note_work(ctx)
    return context.work


@pytest.mark.parametrize("words", BACKGROUND)
def test_a_listed_command_exists(words: str) -> None:
    first, *others = words.split()

    assert first in COMMANDS
    if others:
        assert others[0] in load_command(first).commands


def test_each_part_has_its_setting() -> None:
    of_all = {"callback_p99_ms", "least_percent"}

    assert {work.value for work in Work} | of_all == set(BackgroundSettings.model_fields)


def test_a_proof_yields_in_its_own_process() -> None:
    assert work_of(["ledger", "verify"], is_own_process=True) is Work.PROOFS
    assert work_of(["reconcile", "verify"], is_own_process=True) is Work.RECONCILE


def test_called_by_another_program_it_does_not() -> None:
    assert work_of(["ledger", "verify"], is_own_process=False) is None


def test_what_somebody_waits_for_does_not() -> None:
    assert work_of(["ledger", "balance"], is_own_process=True) is None
