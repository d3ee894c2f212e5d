"""Command groups that import a command's module when the command is used."""

import ast
import importlib.util
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup

from ops.commands.background import note_work

#: A day before today, or an amount: no command has an option of digits.
_NEGATIVE_NUMBER = re.compile(r"-[0-9][0-9.,]*", re.ASCII)


class Command(TyperCommand):
    """A command that takes negative numbers as arguments, and names all that is missing."""

    def make_parser(self, ctx: Any) -> Any:
        """Make the parser; it takes ``-2`` for an argument, as it does behind an option."""
        parser = super().make_parser(ctx)
        read_option = parser._process_opts

        def read_word(word: str, state: Any) -> None:
            if _NEGATIVE_NUMBER.fullmatch(word):
                state.largs.append(word)
            else:
                read_option(word, state)

        setattr(parser, "_process_opts", read_word)  # noqa: B010 - it has no setting for this
        return parser

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the arguments of a command line."""
        words = list(args)
        try:
            return super().parse_args(ctx, args)
        except typer.BadParameter as error:
            missing = self._missing(ctx, words) if error.param in self.params else []
            if len(missing) < 2 or error.param not in missing:
                raise
            ctx.fail(f"missing: {', '.join(_name_of(param) for param in missing)}")
            raise  # unreachable: fail() raises

    def _missing(self, ctx: Any, words: Sequence[str]) -> list[Any]:
        options, _, _ = self.make_parser(ctx).parse_args(args=list(words))
        return [
            param
            for param in self.get_params(ctx)
            if param.required and param.value_is_missing(param.consume_value(ctx, options)[0])
        ]


def _name_of(param: Any) -> str:
    """How a command line names a parameter."""
    is_option = param.param_type_name == "option"
    return str(max(param.opts, key=len) if is_option else param.metavar or param.name.upper())


class LazyCommands(Mapping[str, Any]):
    """The commands of a group by name, each imported when it is looked up.

    Args:
        targets: by name, the command's function or Typer application as ``module:attribute``.
        summaries: by name, the help of a command that has none of its own.
    """

    def __init__(self, targets: Mapping[str, str], summaries: Mapping[str, str]) -> None:
        self._targets = targets
        self._summaries = summaries

    def __getitem__(self, name: str) -> Any:
        module, _, attribute = self._targets[name].partition(":")
        target = getattr(importlib.import_module(module), attribute)
        app = target if isinstance(target, typer.Typer) else _app_of(target)
        for info in app.registered_commands:
            info.cls = Command
        command = typer.main.get_command(app)
        command.name = name
        command.help = command.help or self._summaries.get(name)
        setattr(command, "invoke", _noting_work(command.invoke))  # noqa: B010 - it has no hook
        return command

    def __iter__(self) -> Iterator[str]:
        return iter(self._targets)

    def __len__(self) -> int:
        return len(self._targets)


class LazyGroup(TyperGroup):
    """A group of lazy commands.

    Attributes:
        targets: see ``LazyCommands``.
        summaries: by name, the help of a command that is no function or has no docstring.
    """

    targets: ClassVar[Mapping[str, str]] = {}
    summaries: ClassVar[Mapping[str, str]] = {}

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        commands = LazyCommands(self.targets, self.summaries)
        self.commands = commands  # type: ignore[assignment] # nobody adds commands

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - the group's interface
        """List the names in the order of the targets."""
        return list(self.targets)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        """Return a placeholder with the command's help, which is read without importing it."""
        if cmd_name not in self.targets:
            return None
        summary = self.summaries.get(cmd_name) or docstring_of(self.targets[cmd_name])
        return TyperCommand(cmd_name, help=summary)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Import the command that is run."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, command and self.commands[str(name)], rest


def lazy_group(
    targets: Mapping[str, str],
    *,
    summaries: Mapping[str, str] | None = None,
    completion: bool = False,
) -> typer.Typer:
    """Make a group of lazy commands; the root has options that install shell completion."""
    attributes = {"targets": targets, "summaries": summaries or {}}
    return typer.Typer(
        cls=type("Group", (LazyGroup,), attributes),
        callback=_no_options,
        no_args_is_help=True,
        add_completion=completion,
        pretty_exceptions_enable=False,
    )


def docstring_of(target: str) -> str | None:
    """Read a function's docstring from its source: importing would take ten times as long."""
    module, _, name = target.partition(":")
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        return None
    for node in ast.parse(Path(spec.origin).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return ast.get_docstring(node)
    return None


def _noting_work(invoke: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """What runs a command, after noting whether it is background work."""

    def invoke_noted(ctx: Any) -> Any:
        note_work(ctx)
        return invoke(ctx)

    return invoke_noted


def _app_of(command: Callable[..., None]) -> typer.Typer:
    app = typer.Typer(add_completion=False)
    app.command()(command)
    return app


def _no_options() -> None:
    pass
