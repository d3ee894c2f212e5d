"""Which breaks an address asks for, in which order and with which columns."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import TypeVar
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from breaks.kinds import OF_BOOKS, BreakKind, Impact
from breaks.lists.paging import BreakOrder
from breaks.lists.queries import BreakFilter
from breaks.policy import overdue_limits
from breaks.states import BreakState
from console.config import ConsoleConfig
from console.pages.breaks.columns import COLUMNS, SHOWN
from console.pages.parameters import provider_named, read_choice, read_day
from vocabulary.currencies import digits_of, is_currency
from vocabulary.errors import Malformed
from vocabulary.money import minor_from_text
from vocabulary.window import Window, day_window
from vocabulary.zones import UNKNOWN_ZONE

#: Longest text that is searched for, in characters.
WORDS_CHARS_MAX = 200
#: Oldest age that is asked for, in days.
DAYS_MAX = 3_650
#: The fields of the form, in the order in which the address has them.
FIELDS = (
    *("provider", "kind", "state", "impact", "assignee", "player", "round", "day", "run", "q"),
    *("currency", "min", "max", "age", "under", "overdue", "in_figures"),
    *("game", "mentioned"),
)
#: Begins the name of a box that chooses a column.
COLUMN_BOX = "col-"
_Choice = TypeVar("_Choice", bound=StrEnum)


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakQuery:
    """What the address of the list asks for.

    Attributes:
        fields: the fields of the form that are not empty, as typed.
        columns: by name, in their order; ``is_default``: nobody chose them.
    """

    break_filter: BreakFilter
    order: BreakOrder
    after: str | None
    fields: Mapping[str, str]
    columns: tuple[str, ...] = SHOWN

    @property
    def is_default(self) -> bool:
        """Whether nobody chose the columns."""
        return self.columns == SHOWN

    def address(self, path: str, **changes: str | None) -> str:
        """The address of the same list, with changes; None leaves a part out."""
        parts: dict[str, str | None] = {
            **self.fields,
            "sort": str(self.order),
            "cols": None if self.is_default else ",".join(self.columns),
            **changes,
        }
        text = urlencode({name: value for name, value in parts.items() if value})
        return f"{path}?{text}" if text else path


def read_query(
    query: Mapping[str, str], config: ConsoleConfig, *, now: datetime, person_id: int
) -> BreakQuery:
    """Read the fields of the form.

    Args:
        query: of the address.
        config: the providers and the due dates.
        now: what ages count to.
        person_id: who asks, for what concerns them.

    Raises:
        Malformed: a value that none of its field can be.
        RequestRefused: there is no such provider.
    """
    fields = {name: query[name].strip() for name in FIELDS if query.get(name, "").strip()}
    for name, text in fields.items():
        if len(text) > WORDS_CHARS_MAX or "\0" in text:
            raise Malformed(name, f"at most {WORDS_CHARS_MAX} characters are expected")
    if "provider" in fields:
        provider_named(config, fields["provider"])
    order = read_choice(BreakOrder, query, "sort") or BreakOrder.MONEY
    return BreakQuery(
        break_filter=_filter(fields, config, now=now, person_id=person_id),
        order=order,
        after=query.get("after"),
        fields=fields,
        columns=_columns(query),
    )


def _filter(
    fields: Mapping[str, str], config: ConsoleConfig, *, now: datetime, person_id: int
) -> BreakFilter:
    state, currency = fields.get("state"), fields.get("currency")
    if currency is not None and not is_currency(currency):
        raise Malformed("currency", "a currency code such as EUR is expected")
    is_overdue = _flag(fields, "overdue", "1")
    return BreakFilter(
        provider=fields.get("provider"),
        kind=read_choice(BreakKind, fields, "kind"),
        impact=read_choice(Impact, fields, "impact"),
        states=() if state in {None, "all"} else _states(state or ""),
        include_closed=state == "all",
        assignee=fields.get("assignee"),
        currency=currency,
        min_difference=_amount(fields, "min", config),
        max_difference=_amount(fields, "max", config),
        opened_before=_days_ago(fields, "age", now),
        opened_after=_days_ago(fields, "under", now),
        in_figures=OF_BOOKS if _flag(fields, "in_figures", "1") else None,
        run_id=fields.get("run"),
        round_id=fields.get("round"),
        player=fields.get("player"),
        game=fields.get("game"),
        windows=_windows_of(read_day(fields.get("day")), config.zones),
        mentioned=person_id if _flag(fields, "mentioned", "me") else None,
        overdue=overdue_limits(config.due_rules, now) if is_overdue else None,
        words=fields.get("q"),
    )


def _amount(fields: Mapping[str, str], name: str, config: ConsoleConfig) -> int | None:
    """The smallest or the largest difference, in minor units of the currency."""
    if name not in fields:
        return None
    currency = fields.get("currency")
    if currency is None:
        raise Malformed(name, "a currency is expected with an amount")
    exponents = config.exponents(fields.get("provider", ""))
    return abs(minor_from_text(fields[name], digits_of(currency, exponents), path=name))


def _days_ago(fields: Mapping[str, str], name: str, now: datetime) -> datetime | None:
    if name not in fields:
        return None
    text = fields[name]
    days = int(text) if text.isascii() and text.isdigit() else 0
    if not 0 < days <= DAYS_MAX:
        raise Malformed(name, f"a number of days up to {DAYS_MAX} is expected")
    return now - timedelta(days=days)


def _flag(fields: Mapping[str, str], name: str, value: str) -> bool:
    if fields.get(name) not in {None, value}:
        raise Malformed(name, f"{value} is expected")
    return name in fields


def _columns(query: Mapping[str, str]) -> tuple[str, ...]:
    """The chosen columns: as one text of an address, or as boxes of a form."""
    chosen = {name.strip() for name in query.get("cols", "").split(",") if name.strip()}
    chosen |= {name.removeprefix(COLUMN_BOX) for name in query if name.startswith(COLUMN_BOX)}
    if unknown := sorted(chosen - set(COLUMNS)):
        raise Malformed("cols", f"one of {', '.join(COLUMNS)} is expected, not {unknown[0]}")
    if not chosen:
        return SHOWN
    return ("break", *(name for name in COLUMNS if name in chosen and name != "break"))


def _windows_of(day: date | None, zones: Mapping[str, str]) -> dict[str, Window] | None:
    """The day in each provider's zone, by slug; under ``""`` in UTC, for any other provider."""
    if day is None:
        return None
    return {
        slug: day_window(day, ZoneInfo(zone))
        for slug, zone in {**zones, "": UNKNOWN_ZONE}.items()
    }


def _states(text: str) -> tuple[BreakState, ...]:
    """One state, or several with commas between."""
    states = (
        read_choice(BreakState, {"state": name.strip()}, "state") for name in text.split(",")
    )
    return tuple(state for state in states if state is not None)
