"""``tieout migrate``: bring the database to the schema this version expects."""

import typer

from ops.context import current, endpoints

app = typer.Typer(add_completion=False)


@app.command()
def migrate(ctx: typer.Context) -> None:
    """Bring the database to the schema this version expects; repeating it changes nothing."""
    typer.echo(f"schema {migrate_database(endpoints(current(ctx)).database_url)}")


def migrate_database(url: str) -> str:
    """Apply what is missing; returns the revision reached."""
    from storage.engine import open_engine  # noqa: PLC0415 - heavy
    from storage.migrate import migrate as apply  # noqa: PLC0415 - heavy

    engine = open_engine(url)
    try:
        return apply(engine)
    finally:
        engine.dispose()
