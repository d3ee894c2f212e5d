"""The command line ``tieout``. A command's module is imported only when it is chosen.

Exit codes: 0 fine; 1 a finding; 2 usage or settings; 3 a service is unavailable.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Never

import typer

from ops.commands.background import OWN_PROCESS
from ops.commands.lazy_group import LazyCommands, lazy_group
from ops.context import DEFAULT_DATA_DIR, Context
from ops.extras import extra_with
from ops.runtime.file_troubles import file_trouble_of
from ops.runtime.outages import outage_of
from vocabulary.build import version
from vocabulary.errors import (
    ApiError,
    Contradiction,
    Malformed,
    SettingsInvalid,
    TieoutError,
    Unavailable,
)

FINDING = 1
USAGE = 2
UNAVAILABLE = 3

#: Every command with its one line of help, in the order of a first day.
COMMANDS: Mapping[str, str] = {
    "demo": "Run the whole pipeline on this machine with planted faults, and write reports.",
    "init": "Write a commented tieout.toml, prepare the data directory, create the schema.",
    "up": "Run receiver, workers, scheduler and console in the foreground; restart what dies.",
    "down": "Stop everything that runs in the data directory.",
    "receiver": "Answer the providers' callbacks.",
    "worker": "Post accepted batches and ingest history.",
    "console": "Serve the web console for finance and operations.",
    "scheduler": "Run scheduled work: sweep, canaries, pulls, reconciliation.",
    "migrate": "Bring the database to the schema of this version.",
    "user": "Register people, give them roles, passwords and tokens, disable those who left.",
    "players": "Import players, register them with providers; block, exclude and limit them.",
    "provider": "List the providers, check credentials and clock, test the protocol.",
    "games": "List a provider's games, and open one for a player.",
    "simulate": "Play the provider's side against a receiver.",
    "feed": "Import statements, pull history and show what was received.",
    "reconcile": "Compare the ledger with a provider's history; exit 1 where they differ.",
    "day": "Show, close, prepare, sign and reopen business days; run the daily sweep.",
    "breaks": "List differences and work on them: assign, explain, correct, close.",
    "dispute": "Put breaks before a provider: write the pack, import its answers, list claims.",
    "find": "Find what an id, a player, a file or an amount belongs to; exit 1 if nothing is.",
    "totals": "Add up both sides and name the rounds behind each difference;"
    " exit 1 where breaks cause one.",
    "invoice": "Check a provider's invoice against the ledger; receive, approve, pay it.",
    "journal": "Export signed days as journals for the general ledger; list issued ones.",
    "figures": "Add up stakes, payouts, GGR and player funds at midnight, by day and currency.",
    "explained": "Show the resolution rate: the share of rows and money explained"
    " within an hour, a day and two business days.",
    "report": "Write statements to sign, workbooks, web pages and CSV tables.",
    "ledger": "Query the ledger, correct it by hand and prove it.",
    "backup": "Check how old backups are, and whether a restore would work.",
    "restore": "Hold, prove and open the books after an older state was restored.",
    "archive": "Export sealed months to files, and let bytes and entries leave the database.",
    "queue": "Show waiting, stuck and parked work; requeue or discard it; pause a queue.",
    "job": "Show what was requested in the console and what became of it; cancel what waits.",
    "notify": "Show notifications that were sent, given up or wait; try a channel.",
    "config": "Check the settings, or show them without secrets.",
}
#: Where each of them is defined.
TARGETS: Mapping[str, str] = {
    "demo": "ops.commands.simulation.demo:demo",
    "init": "ops.commands.setup.init:init",
    "up": "ops.commands.daemons.up:up",
    "down": "ops.commands.daemons.down:down",
    "receiver": "ops.commands.daemons.receiver:receiver",
    "worker": "ops.commands.daemons.worker:worker",
    "console": "ops.commands.daemons.console:console",
    "scheduler": "ops.commands.daemons.scheduler:scheduler",
    "migrate": "ops.commands.setup.migrate:migrate",
    "user": "ops.commands.user.group:app",
    "players": "ops.commands.players.group:app",
    "provider": "ops.commands.provider.group:app",
    "games": "ops.commands.games:app",
    "simulate": "ops.commands.simulation.simulate:simulate",
    "feed": "ops.commands.feed.group:app",
    "reconcile": "ops.commands.reconcile.group:app",
    "day": "ops.commands.day.group:app",
    "breaks": "ops.commands.breaks.group:app",
    "dispute": "ops.commands.dispute.group:app",
    "find": "ops.commands.find:find",
    "totals": "ops.commands.finance.totals:show",
    "invoice": "ops.commands.invoice.group:app",
    "journal": "ops.commands.journal.group:app",
    "figures": "ops.commands.finance.figures:figures",
    "explained": "ops.commands.finance.explained:show",
    "report": "ops.commands.finance.report:report",
    "ledger": "ops.commands.ledger.group:app",
    "backup": "ops.commands.backup.group:app",
    "restore": "ops.commands.restore.group:app",
    "archive": "ops.commands.archive.group:app",
    "queue": "ops.commands.queue.group:app",
    "job": "ops.commands.job.group:app",
    "notify": "ops.commands.notify.group:app",
    "config": "ops.commands.setup.config:app",
}


def load_command(name: str) -> Any:
    """Import one command."""
    return LazyCommands(TARGETS, COMMANDS)[name]


def _say_version(value: bool) -> None:  # noqa: FBT001 - the option's callback
    if value:
        typer.echo(f"tieout {version()}")
        raise typer.Exit


app = lazy_group(TARGETS, summaries=COMMANDS, completion=True)


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
    ctx.obj = Context(
        config=config,
        data_dir=data or DEFAULT_DATA_DIR,
        is_own_process=ctx.obj == OWN_PROCESS,
    )


def main() -> None:
    """Run the program; each of our errors becomes a sentence and an exit code."""
    if not __debug__:
        _leave(USAGE, "refusing to run under python -O: assertions guard money")
    try:
        app(obj=OWN_PROCESS)
    except SettingsInvalid as error:
        _leave(USAGE, "the settings do not hold:", *error.problems)
    except Unavailable as error:
        _leave(UNAVAILABLE, str(error))
    except (ApiError, Contradiction) as error:
        _leave(FINDING, str(error))
    except TieoutError as error:
        _leave(USAGE, str(error))
    except ModuleNotFoundError as error:
        _leave_without(error)
    except Exception as error:
        trouble = outage_of(error) or file_trouble_of(error) or _unreadable_word(error)
        if trouble is None:
            raise
        _leave(UNAVAILABLE if isinstance(trouble, Unavailable) else USAGE, str(trouble))


def _unreadable_word(error: Exception) -> Malformed | None:
    """The word of the command line that is no UTF-8, if an error comes from one."""
    if not isinstance(error, UnicodeEncodeError):
        return None
    for word in sys.argv[1:]:
        if any("\udc80" <= char <= "\udcff" for char in word):
            return Malformed(ascii(word), "text in UTF-8 is expected")
    return None


def _leave_without(error: ModuleNotFoundError) -> Never:
    """Say which extra a command needs; a module that no extra brings is a bug."""
    module = str(error.name)
    command = next((word for word in sys.argv[1:] if word in COMMANDS), "")
    extra = extra_with(module, command)
    if extra is None:
        raise error
    _leave(
        USAGE,
        f"`tieout {command}` needs {module}, which is not installed:"
        f" pip install 'tieout[{extra}]'",
    )


def _leave(code: int, *lines: str) -> Never:
    for line in lines:
        typer.echo(line, err=True)
    sys.exit(code)
