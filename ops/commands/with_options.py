"""Options that a function reads together into one parameter of a command."""

import functools
import inspect
from collections.abc import Callable
from typing import Any

import typer


def with_options(
    command: Callable[..., None], **readers: Callable[..., Any]
) -> Callable[..., None]:
    """Give a command options that a function reads into one of its parameters.

    Args:
        command: takes the context first, and the parameters that ``readers`` name.
        readers: by parameter, a function of the context and of the options, whose signature
            (that of its ``options_of``, if it has one) declares them.
    """
    own = inspect.signature(command, eval_str=True)
    declared = {
        name: inspect.signature(getattr(reader, "options_of", reader), eval_str=True).parameters
        for name, reader in readers.items()
    }

    @functools.wraps(command)
    def run(ctx: typer.Context, **arguments: Any) -> None:
        for name, reader in readers.items():
            options = {key: arguments.pop(key) for key in declared[name] if key != "ctx"}
            arguments[name] = reader(ctx, **options)
        command(ctx, **arguments)

    parameters = [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for name, parameter in own.parameters.items()
        if name not in readers
    ]
    for options in declared.values():
        parameters += [
            option.replace(kind=inspect.Parameter.KEYWORD_ONLY)
            for key, option in options.items()
            if key != "ctx"
        ]
    run.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined] # typer reads it
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run
