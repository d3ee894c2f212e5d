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
Start = Annotated[str | None, typer.Option("--from", help="Start: date or instant, ISO 8601.")]
End = Annotated[
    str | None, typer.Option("--to", help="End, exclusive: date or instant, ISO 8601.")
]
Maturity = Annotated[
    str | None,
    typer.Option("--maturity", help="One-sided rounds younger than this are timing, e.g. 15m."),
]

Player = Annotated[str, typer.Option("--player", help="The player.")]
Currency = Annotated[str, typer.Option("--currency", help="The wallet's currency.")]
OrderReason = Annotated[
    str, typer.Option("--reason", help="The reason; kept with the operation.")
]

By = Annotated[
    str | None,
    typer.Option("--by", help="Whom an administrator acts for; kept in the audit trail."),
]
Reason = Annotated[str, typer.Option("--reason", help="The reason; kept in the audit trail.")]
