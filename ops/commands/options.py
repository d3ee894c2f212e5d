"""Options and arguments that several commands share."""

from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Prometheus = Annotated[bool, typer.Option("--prometheus", help="Print metrics for Prometheus.")]
Limit = Annotated[int, typer.Option("--most", help="At most this many.")]

Provider = Annotated[str, typer.Option("--provider", help="The provider's slug.")]
ProviderFilter = Annotated[
    str | None, typer.Option("--provider", help="Only this provider, by its slug.")
]
ProviderArgument = Annotated[str, typer.Argument(help="The provider's slug.")]
Start = Annotated[str | None, typer.Option("--from", help="Date or instant, ISO 8601; inside.")]
End = Annotated[str | None, typer.Option("--to", help="Date or instant, ISO 8601; outside.")]
Maturity = Annotated[
    str | None,
    typer.Option("--maturity", help="One-sided rounds younger than this are timing."),
]

Player = Annotated[str, typer.Option("--player", help="The player.")]
Currency = Annotated[str, typer.Option("--currency", help="The wallet's currency.")]
OrderReason = Annotated[str, typer.Option("--reason", help="Why; kept with the operation.")]

BreakId = Annotated[str, typer.Argument(help="The break's id, brk-….")]
By = Annotated[str, typer.Option("--by", help="Who does this; kept for ever.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; kept for ever.")]
