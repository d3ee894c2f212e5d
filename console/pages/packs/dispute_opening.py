"""Open a dispute: choose breaks, look at what would be put before the provider, and open it."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import blake2b
from http import HTTPStatus
from zoneinfo import ZoneInfo

from breaks.disputes.opening import LINES_MAX, open_dispute, refusals_of
from breaks.lists.paging import BreakOrder, page_of_breaks
from breaks.lists.queries import BreakFilter
from breaks.states import STEPS, BreakState
from breaks.store import TrackedBreak, breaks_named
from console.acting import writers_for
from console.config import Visit
from console.pages.jobs.requesting import new_request_key
from console.pages.parameters import provider_named, read_day, read_text
from console.replies import HtmlPage, RequestRefused, SeeOther
from console.sentences import counted
from vocabulary.errors import Malformed
from vocabulary.window import day_window

#: Breaks that a form may name; a provider's day may have more.
NAMED_MAX = 1_000
#: Breaks that the page shows.
SHOWN_MAX = 200
NOTE_CHARS_MAX = 4_000
_SEPARATORS = re.compile(r"[\s,;]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The breaks that a form names, one by one or as a provider's day."""

    ids: tuple[str, ...] = ()
    provider: str = ""
    day: date | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is chosen yet."""
        return not self.ids and self.day is None


def show(visit: Visit) -> HtmlPage:
    """The chosen breaks with count and money, before anything is done."""
    selection = read_selection(visit, visit.query)
    breaks = _breaks(visit, selection)
    refusals = _refusals(visit, selection, breaks)
    suitable = [break_ for break_ in breaks if break_.break_id not in refusals]
    sums: dict[tuple[str, str], int] = {}
    for break_ in suitable:
        key = break_.provider, break_.currency
        sums[key] = sums.get(key, 0) + break_.effects.invoice
    listed = {break_.break_id for break_ in breaks}
    values = {
        "sentence": _sentence(suitable, breaks),
        "sums": sums,
        "unknown": [name for name in selection.ids if name not in listed],
        "selection": selection,
        "breaks": [
            (break_, refusals.get(break_.break_id, "")) for break_ in breaks[:SHOWN_MAX]
        ],
        "suitable": suitable,
        "version": version_of(suitable),
        "count": len(breaks),
        "config": visit.config,
        "request_key": new_request_key(),
    }
    return HtmlPage(template="packs/dispute_new.html", values=values)


def open_(visit: Visit) -> SeeOther:
    """Open the dispute of exactly the breaks that the page showed."""
    selection = read_selection(visit, visit.form)
    if selection.is_empty:
        raise Malformed("breaks", "the ids of breaks, or a provider and a day, are expected")
    breaks = _breaks(visit, selection)
    refusals = _refusals(visit, selection, breaks)
    suitable = [break_ for break_ in breaks if break_.break_id not in refusals]
    _check_seen(visit.form, suitable)
    person = visit.signed_in.person
    opened = open_dispute(
        writers_for(visit.console, person),
        [break_.break_id for break_ in suitable],
        by=person.name,
        now=visit.now,
        note=read_text(visit.form, "note", most=NOTE_CHARS_MAX),
        exponents={term.slug: term.exponents for term in visit.config.providers},
        named=True,
    )
    return SeeOther(path=f"/disputes/{opened.dispute.dispute_id}?done=disputed")


def version_of(breaks: Iterable[TrackedBreak]) -> str:
    """A digest of what a page shows of breaks: which they are, and their money."""
    lines = sorted(f"{break_.break_id} {break_.effects.invoice}" for break_ in breaks)
    return blake2b("\n".join(lines).encode(), digest_size=8).hexdigest()


def _check_seen(form: Mapping[str, str], suitable: Sequence[TrackedBreak]) -> None:
    """Refuse a form whose page showed other breaks; a program names their number alone."""
    counted_then, now = form.get("count", "none"), str(len(suitable))
    version = version_of(suitable)
    if counted_then == now and form.get("version", version) == version:
        return
    raise RequestRefused(
        status=HTTPStatus.CONFLICT,
        title="The breaks changed since you looked",
        why=f"{now} of them can be disputed now, the page showed {counted_then}"
        + (", but other ones or other money" if counted_then == now else "")
        + ". Nothing was done: go back and look again.",
    )


def read_selection(visit: Visit, fields: Mapping[str, str]) -> Selection:
    """Read which breaks are chosen.

    Raises:
        Malformed: too many ids, or a day without a provider.
        RequestRefused: there is no such provider.
    """
    ids = tuple(dict.fromkeys(filter(None, _SEPARATORS.split(fields.get("breaks", "")))))
    if len(ids) > NAMED_MAX or any("\0" in name for name in ids):
        raise Malformed("breaks", f"at most {NAMED_MAX} ids are expected")
    day, provider = read_day(fields.get("day")), fields.get("provider", "").strip()
    if provider:
        provider_named(visit.config, provider)
    if day is not None and not provider and not ids:
        raise Malformed("provider", "the provider whose day it is, is expected with it")
    return Selection(ids=ids, provider=provider, day=None if ids else day)


def refusal_of(break_: TrackedBreak) -> str:
    """Why a break cannot be disputed, as far as it shows; empty: it can be."""
    if break_.effects.invoice == 0:
        return "changes no money between the provider and us"
    if break_.cleared_at is not None:
        return "is no longer found"
    if break_.state is BreakState.WAITING or BreakState.WAITING in STEPS[break_.state]:
        return ""
    return f"is {break_.state.replace('_', ' ')}"


def _refusals(
    visit: Visit, selection: Selection, breaks: Sequence[TrackedBreak]
) -> Mapping[str, str]:
    """By break, why it cannot be disputed.

    Of a day, what an earlier dispute has is left out; whoever names it is refused by name.
    """
    if selection.day is None:
        return {break_.break_id: why for break_ in breaks if (why := refusal_of(break_))}
    with visit.console.readers.connect() as connection:
        return refusals_of(connection, breaks)


def _breaks(visit: Visit, selection: Selection) -> Sequence[TrackedBreak]:
    with visit.console.readers.connect() as connection:
        if selection.ids:
            return breaks_named(connection, selection.ids)
        if selection.day is None:
            return ()
        zone = ZoneInfo(visit.config.zones[selection.provider])
        windows = {selection.provider: day_window(selection.day, zone)}
        break_filter = BreakFilter(provider=selection.provider, windows=windows)
        page = page_of_breaks(
            connection, break_filter, order=BreakOrder.MONEY, after=None, limit=LINES_MAX
        )
    return page.breaks


def _sentence(suitable: Sequence[TrackedBreak], breaks: Sequence[TrackedBreak]) -> str:
    if not breaks:
        return "Which breaks shall the provider answer?"
    left_out = len(breaks) - len(suitable)
    rest = f"; {left_out} cannot be disputed" if left_out else ""
    return f"{counted(len(suitable), 'break')} would be put before the provider{rest}."
