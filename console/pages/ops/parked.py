"""Parked work by cause, with what is known of it; requeue or discard what a filter selects."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from console.acting import writers_for
from console.config import Visit
from console.pages.ops.queues import decision_of
from console.pages.stale_forms import stale_form
from console.replies import HtmlPage, RequestRefused, SeeOther, not_found
from storage.queue import commands
from storage.queue.commands import (
    POSTING_JOB,
    ParkedChanged,
    ParkedCount,
    ParkedFilter,
    ParkedItem,
    parked_counts,
    parked_items,
    parked_page,
    version_of,
)
from vocabulary.errors import Contradiction, Malformed
from vocabulary.people import Right

#: Items on one page.
PAGE = 50
_FIELDS = ("job", "cause", "subject", "older")
_ACTIONS = {"requeue": commands.requeue, "discard": commands.discard}
_PARTICIPLES = {"requeue": "requeued", "discard": "discarded"}
_MINUTES_MAX = 10 * 365 * 24 * 60
#: Keys of a context that have places of their own on the page.
_SHOWN_APART = frozenset({"stack", "operations", "at"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedView:
    """One item as its page shows it: where it failed, the rows it touches, everything else."""

    item: ParkedItem
    stack: tuple[str, ...]
    operations: tuple[tuple[str, str], ...]
    facts: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, item: ParkedItem) -> "ParkedView":
        """The view of an item."""
        context = item.context
        at = context.get("at")
        return cls(
            item=item,
            stack=_texts(context.get("stack")) or ((str(at),) if at else ()),
            operations=_operations(context.get("operations")),
            facts=tuple(
                (name, str(value))
                for name, value in context.items()
                if name not in _SHOWN_APART
            ),
        )


def show(visit: Visit) -> HtmlPage:
    """What is parked, by cause, and a page of its items."""
    selection, fields = selection_of(visit.query)
    readers = visit.console.readers
    after = _number(visit.query.get("after", ""), "after") or 0
    items = parked_page(readers, selection, after=after, limit=PAGE + 1)
    counts = parked_counts(readers, selection)
    values = {
        "sentence": sentence_of(counts, is_filtered=bool(fields)),
        "counts": counts,
        "total": sum(count.count for count in counts),
        "items": [ParkedView.of(item) for item in items[:PAGE]],
        "fields": {name: fields.get(name, "") for name in _FIELDS},
        "query": urlencode(fields),
        "next": urlencode({**fields, "after": items[PAGE - 1].parked_id})
        if len(items) > PAGE
        else "",
        "after": after,
        "jobs": sorted({count.job for count in parked_counts(readers, ParkedFilter())}),
        "may_decide": visit.signed_in.person.may(Right.RUN_QUEUES),
        "has_money": any(count.job == POSTING_JOB for count in counts),
    }
    return HtmlPage(template="ops/parked.html", values=values)


def confirm(visit: Visit) -> HtmlPage:
    """How much an action is about, before anything is done."""
    action = _action(visit)
    selection, fields = selection_of(visit.query)
    items = parked_items(visit.console.readers, selection)
    values = {
        "action": action,
        "count": len(items),
        "counts": parked_counts(visit.console.readers, selection),
        "has_money": any(item.job == POSTING_JOB for item in items),
        "first": [item.subject for item in items[:10]],
        "fields": fields,
        "query": urlencode(fields),
        "version": version_of(items),
    }
    return HtmlPage(template="ops/parked_decide.html", values=values)


def decide(visit: Visit) -> SeeOther:
    """Do it, if what is selected is what the form showed."""
    action = _action(visit)
    selection, fields = selection_of(visit.form)
    engine = writers_for(visit.console, visit.signed_in.person)
    try:
        _ACTIONS[action](
            engine, selection, decision_of(visit), version=visit.form.get("version", "")
        )
    except ParkedChanged as changed:
        raise _stale(visit, action, fields, changed) from changed
    except Contradiction as refused:
        raise RequestRefused(
            status=HTTPStatus.UNPROCESSABLE_ENTITY, title="Not done", why=f"{refused}."
        ) from refused
    return SeeOther(path=f"/ops/parked?{urlencode({'done': _PARTICIPLES[action]})}")


def sentence_of(counts: list[ParkedCount], *, is_filtered: bool) -> str:
    """How much is parked and for how many causes."""
    total = sum(count.count for count in counts)
    if not total:
        return (
            "Nothing that these filters select is parked."
            if is_filtered
            else ("Nothing is parked.")
        )
    causes = "one cause" if len(counts) == 1 else f"{len(counts)} causes"
    verb = "piece of work is" if total == 1 else "pieces of work are"
    return f"{total:,} {verb} parked for {causes}.".replace(",", "\N{NARROW NO-BREAK SPACE}")


def _action(visit: Visit) -> str:
    action = visit.path["action"]
    if action not in _ACTIONS:
        raise not_found("action", action)
    return action


def selection_of(fields: Mapping[str, str]) -> tuple[ParkedFilter, dict[str, str]]:
    """The filter of a query or form, and the fields that it has."""
    given = {name: fields[name].strip() for name in _FIELDS if fields.get(name, "").strip()}
    minutes = _number(given.get("older", ""), "older")
    selection = ParkedFilter(
        job=given.get("job"),
        cause=given.get("cause"),
        subject=given.get("subject"),
        older_than=None if minutes is None else timedelta(minutes=minutes),
    )
    return selection, given


def _number(text: str, name: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdecimal()) or len(text) > 18:
        raise Malformed(name, "a whole number is expected")
    number = int(text)
    if name == "older" and number > _MINUTES_MAX:
        raise Malformed(name, f"at most {_MINUTES_MAX} minutes are expected")
    return number


def _operations(value: Any) -> tuple[tuple[str, str], ...]:
    """The key of each operation, and what else is known of it."""
    rows = value if isinstance(value, list) else []
    return tuple(
        (str(row.get("op_key", "")), f"{row.get('provider')} {row.get('kind')}")
        for row in rows
        if isinstance(row, dict)
    )


def _texts(value: Any) -> tuple[str, ...]:
    if isinstance(value, list):
        return tuple(str(each) for each in value)
    return () if value is None else (str(value),)


def _stale(
    visit: Visit, action: str, fields: Mapping[str, str], changed: ParkedChanged
) -> RequestRefused:
    return stale_form(
        visit,
        subject="What is parked",
        what="parked work",
        back=f"/ops/parked/{action}?{urlencode(fields)}",
        now_is=f"{changed.count} selected",
        why="Nothing was done. Look at what is selected now, then decide again.",
    )
