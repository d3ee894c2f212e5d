"""Options and arguments that several commands share."""

from typing import Annotated

import typer

from ops.commands.completion import complete_day, complete_provider
from vocabulary.currencies import is_currency
from vocabulary.errors import Malformed


def check_currency(code: str | None) -> str | None:
    """A currency code, or None.

    Raises:
        Malformed: anything else; says which code may be meant.
    """
    if code is None or is_currency(code):
        return code
    guess = code.strip().upper()
    advice = f": {guess}?" if is_currency(guess) else ""
    raise Malformed("--currency", f"a code such as EUR is expected, not {code!r}{advice}")


AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Prometheus = Annotated[bool, typer.Option("--prometheus", help="Print metrics for Prometheus.")]
#: Most rows that somebody asks for: more than any list has, and the database can count to it.
ROWS_MAX = 1_000_000_000
Limit = Annotated[int, typer.Option("--most", min=1, max=ROWS_MAX, help="At most this many.")]

Provider = Annotated[
    str,
    typer.Option("--provider", help="The provider's slug.", autocompletion=complete_provider),
]
ProviderFilter = Annotated[
    str | None,
    typer.Option(
        "--provider",
        help="Only this provider, by its slug.",
        autocompletion=complete_provider,
    ),
]
#: Several providers, or ``--all``; see ``ops.commands.scope``.
Providers = Annotated[
    list[str] | None,
    typer.Option(
        "--provider",
        help="The provider's slug; repeatable.",
        autocompletion=complete_provider,
    ),
]
EveryProvider = Annotated[bool, typer.Option("--all", help="Every configured provider.")]
ProviderArgument = Annotated[
    str, typer.Argument(help="The provider's slug.", autocompletion=complete_provider)
]
Start = Annotated[
    str | None, typer.Option("--from", help="Start: a day, date or instant, ISO 8601.")
]
End = Annotated[
    str | None, typer.Option("--to", help="End, exclusive: a day, date or instant, ISO 8601.")
]
DayOption = Annotated[
    str | None,
    typer.Option(
        "--day",
        help="The provider's business day: 2026-11-27, today, yesterday, monday, or -2.",
        autocompletion=complete_day,
    ),
]
DayArgument = Annotated[
    str | None,
    typer.Argument(help="The business day, instead of --day.", autocompletion=complete_day),
]
Maturity = Annotated[
    str | None,
    typer.Option("--maturity", help="One-sided rounds younger than this are timing, e.g. 15m."),
]

Player = Annotated[str, typer.Option("--player", help="The player.")]
Currency = Annotated[
    str, typer.Option("--currency", help="The wallet's currency.", callback=check_currency)
]
CurrencyFilter = Annotated[
    str | None,
    typer.Option("--currency", help="Only in this currency.", callback=check_currency),
]
OrderReason = Annotated[
    str, typer.Option("--reason", help="The reason; kept with the operation.")
]

By = Annotated[
    str | None,
    typer.Option("--by", help="Whom an administrator acts for; kept in the audit trail."),
]
Reason = Annotated[str, typer.Option("--reason", help="The reason; kept in the audit trail.")]
