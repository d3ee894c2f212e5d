"""The command to type next, as every command that makes something prints it."""

import typer


def print_next(*commands: str) -> None:
    """Print commands that lead on, each behind an arrow."""
    for command in commands:
        typer.echo(f"→ {command}")


def print_next_for_another(command: str) -> None:
    """Print a command that another person has to type."""
    typer.echo("another person:")
    print_next(command)
