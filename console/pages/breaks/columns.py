"""The columns that a list of breaks may have, each with its value for files. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType

from breaks.listed import ListedBreak
from breaks.policy import due_at
from breaks.states import SETTLED
from console.config import ConsoleConfig
from console.rendering import age_text
from console.spreadsheets import Cell
from vocabulary.money import Money

_Value = Callable[[ListedBreak, ConsoleConfig, datetime], Cell]


def _difference(break_: ListedBreak, config: ConsoleConfig, _: datetime) -> Cell:
    exponents = config.exponents(break_.provider)
    return Decimal(Money(break_.difference, break_.currency).text(exponents=exponents))


def due_of(break_: ListedBreak, config: ConsoleConfig) -> datetime | None:
    """When a break is due; None if nobody has to act."""
    if break_.state in SETTLED:
        return None
    return due_at(
        config.due_rules, break_.impact, break_.currency, break_.difference, break_.opened_at
    )


#: By name, in the order in which they are shown.
COLUMNS: Mapping[str, _Value] = MappingProxyType(
    {
        "break": lambda break_, *_: break_.break_id,
        "provider": lambda break_, *_: break_.provider,
        "kind": lambda break_, *_: str(break_.kind),
        "state": lambda break_, *_: str(break_.state),
        "impact": lambda break_, *_: str(break_.impact),
        "difference": _difference,
        "currency": lambda break_, *_: break_.currency,
        "player": lambda break_, *_: break_.player,
        "round": lambda break_, *_: break_.round_id,
        "game": lambda break_, *_: break_.game,
        "assignee": lambda break_, *_: break_.assignee,
        "opened": lambda break_, *_: break_.opened_at,
        "began": lambda break_, *_: break_.began_at,
        "age": lambda break_, _, now: age_text(now - break_.opened_at),
        "due": lambda break_, config, _: due_of(break_, config),
        "run": lambda break_, *_: break_.run_id,
        "explanation": lambda break_, *_: break_.explanation,
    }
)
#: Those that the page shows, and those that a file has, unless somebody chooses others.
SHOWN = ("break", "provider", "kind", "difference", "explanation", "state", "assignee", "age")
FILED = (
    *("break", "provider", "kind", "state", "impact", "difference", "currency", "player"),
    *("round", "assignee", "opened", "began", "explanation"),
)


def file_columns(chosen: Sequence[str]) -> tuple[str, ...]:
    """The columns of a file: a difference is never without its currency."""
    if tuple(chosen) == SHOWN:
        return FILED
    names = [name for name in chosen if name != "currency"]
    if "difference" in names:
        names.insert(names.index("difference") + 1, "currency")
    elif "currency" in chosen:
        names.append("currency")
    return tuple(names)


def file_rows(
    breaks: Iterable[ListedBreak],
    columns: Sequence[str],
    config: ConsoleConfig,
    now: datetime,
) -> Iterable[list[Cell]]:
    """The rows of a file, one by one."""
    values = [COLUMNS[name] for name in columns]
    return ([value(break_, config, now) for value in values] for break_ in breaks)
