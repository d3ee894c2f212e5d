"""The command line ``tieout``. A command's module is imported only when it is chosen.

Exit codes: 0 fine; 1 a finding; 2 usage or settings; 3 a service is unavailable.
"""

import importlib
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Never

import typer
from typer.core import TyperCommand, TyperGroup

from ops.runtime.outages import outage_of
from vocabulary.errors import (
    ApiError,
    Contradiction,
    SettingsInvalid,
    TieoutError,
    Unavailable,
)

FINDING = 1
USAGE = 2
UNAVAILABLE = 3

#: Every command with its one line of help, in the order of a first day.
COMMANDS: Mapping[str, str] = {
    "demo": "The whole pipeline on this machine, with injected faults and a report.",
    "init": "Write a commented tieout.toml, prepare the data directory, migrate.",
    "up": "Run everything in the foreground and keep it running.",
    "down": "Stop what runs in the data directory.",
    "receiver": "Answer the providers' callbacks.",
    "worker": "Post batches and take in history.",
    "scheduler": "Sweep up what was left behind, on time.",
    "migrate": "Bring the database to the schema this version expects.",
    "players": "Import players, their wallets and handles; register them with a provider.",
    "provider": "List the providers, and prove credentials and clock against their APIs.",
    "games": "List a provider's games, and open one for a player.",
    "simulate": "Play the provider's side against a receiver.",
    "feed": "Import statements and see what was taken in.",
    "reconcile": "Compare the ledger with a provider's history.",
    "breaks": "What differs, who deals with it, and how: from found to closed.",
    "totals": "Both sides by day, game or currency, and the rounds in between.",
    "invoice": "Check what a provider claims against our books.",
    "explained": "What share of rows and money was explained, and how soon.",
    "report": "Write what finance reads.",
    "ledger": "Look into the books, move money by hand, verify everything.",
    "queue": "What waits, what is stuck, what is parked; requeue, discard, pause, resume.",
    "config": "Show or check the settings.",
}


class LazyGroup(TyperGroup):
    """A group that knows its commands by name and imports only the chosen one."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - the group's interface
        """Every command, in the order of ``COMMANDS``."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        """A placeholder that can say what the command is for."""
        if cmd_name not in COMMANDS:
            return None
        return TyperCommand(cmd_name, help=COMMANDS[cmd_name])

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The chosen command itself."""
        name, placeholder, rest = super().resolve_command(ctx, args)
        return name, placeholder and load_command(str(name)), rest


def load_command(name: str) -> Any:
    """Import one command."""
    module = importlib.import_module(f"ops.commands.{name}")
    command = typer.main.get_command(module.app)
    command.name = name
    command.help = command.help or COMMANDS[name]
    return command


def _say_version(value: bool) -> None:  # noqa: FBT001 - the option's callback
    if value:
        typer.echo(f"tieout {version('tieout')}")
        raise typer.Exit


app = typer.Typer(
    cls=LazyGroup, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
)


@app.callback()
def root(
    ctx: typer.Context,
    *,
    config: Annotated[
        Path | None,
        typer.Option(envvar="TIEOUT_CONFIG", help="Settings file; else ./tieout.toml."),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(envvar="TIEOUT_DATA", help="Data directory.")
    ] = None,
    _: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=_say_version, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Wallet callbacks in, double-entry books, and a reconciliation that proves itself."""
    from ops.context import DEFAULT_DATA_DIR, Context  # noqa: PLC0415 - not for --version

    ctx.obj = Context(config=config, data_dir=data or DEFAULT_DATA_DIR)


def main() -> None:
    """The program: every error of ours ends in a sentence and an exit code."""
    if not __debug__:
        _leave(USAGE, "refusing to run under python -O: assertions guard money")
    try:
        app()
    except SettingsInvalid as error:
        _leave(USAGE, "the settings do not hold:", *error.problems)
    except Unavailable as error:
        _leave(UNAVAILABLE, str(error))
    except (ApiError, Contradiction) as error:
        _leave(FINDING, str(error))
    except TieoutError as error:
        _leave(USAGE, str(error))
    except Exception as error:
        outage = outage_of(error)
        if outage is None:
            raise
        _leave(UNAVAILABLE, str(outage))


def _leave(code: int, *lines: str) -> Never:
    for line in lines:
        typer.echo(line, err=True)
    sys.exit(code)
