"""One action on many breaks: their count and money first, then what became of each.

The page of the selection carries each break with a digest of the version that it showed. What
changed since is left alone and named. A page works for a few seconds at most; what it did not
reach, the next form goes on with.
"""

import base64
import binascii
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import blake2b
from http import HTTPStatus
from urllib.parse import parse_qsl, urlencode

from sqlalchemy import Connection

from breaks.actions import newest_note
from breaks.bulk import RIGHTS, STATES, BulkAction, BulkResult, act_on_each
from breaks.listed import ListedBreak
from breaks.lists.groups import GroupSum
from breaks.lists.paging import BreakOrder, listed_breaks
from breaks.lists.queries import BreakFilter, count_breaks, list_breaks
from breaks.states import BreakState
from breaks.store import TrackedBreak
from console.acting import writers_for
from console.config import Visit
from console.pages.breaks.groups import filter_of, group_of
from console.pages.breaks.listing import query_of
from console.pages.breaks.orders import order_of
from console.pages.breaks.selection import FIELDS, read_query
from console.replies import HtmlPage, RequestRefused, forbidden
from console.sentences import counted
from storage.people import people_in
from vocabulary.errors import Malformed
from vocabulary.people import Person, Right

#: Most breaks of one action.
BREAKS_MAX = 2_000
#: Breaks that the page of a selection lists.
LISTED_MAX = 50
#: How long one page works on them.
WORKED_FOR = timedelta(seconds=10)
#: Begins the name of a box that ticks a break.
PICK = "pick-"
#: Longest list of versions, in bytes, unpacked.
_VERSIONS_BYTES_MAX = 256 * 1024
#: Longest address of a selection, in characters.
_ADDRESS_CHARS_MAX = 4_000
#: The actions of the form, each with the states in which a break takes it.
_SETTLES = frozenset(
    {BreakState.OPEN, BreakState.ASSIGNED, BreakState.EXPLAINED, BreakState.WAITING}
)
TAKES: Mapping[BulkAction, frozenset[BreakState]] = {
    BulkAction.ASSIGN: _SETTLES,
    BulkAction.COMMENT: frozenset(BreakState),
    BulkAction.EXPLAIN: _SETTLES - {BreakState.EXPLAINED},
    BulkAction.WAIT: _SETTLES - {BreakState.WAITING},
    BulkAction.PROPOSE: _SETTLES,
    BulkAction.WRITE_OFF: _SETTLES,
    BulkAction.APPROVE: frozenset(STATES[BulkAction.REJECT]),
    BulkAction.REJECT: frozenset(STATES[BulkAction.REJECT]),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedAction:
    """An action of the form; ``count``: how many of the breaks take it."""

    action: BulkAction
    count: int


def show(visit: Visit) -> HtmlPage:
    """The selected breaks: how many, their money, and what may be done to them."""
    breaks = selected(visit)
    form = BulkForm(action=visit.query.get("do", ""))
    address = _selection_of(visit.query)
    values = {
        **_values(visit, breaks, form),
        "selection": address,
        "kinds": _kinds(breaks, visit.query) if address else [],
        "chosen_kind": visit.query.get("kind", ""),
    }
    return HtmlPage(template="breaks/bulk.html", values=values)


@dataclass(frozen=True, slots=True, kw_only=True)
class KindCount:
    """How many of the selected breaks are of a kind; ``address``: the query of these alone."""

    kind: str
    count: int
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkForm:
    """What a form has filled in already."""

    action: str = ""
    reason: str = ""
    to: str = ""


def act(visit: Visit) -> HtmlPage:
    """Do it to each break that is as its page showed it; say what became of the others."""
    person = visit.signed_in.person
    action = _action(visit.form)
    if not person.may(RIGHTS[action]):
        raise forbidden(f"{person.name} may not {RIGHTS[action]}. Nothing was done.")
    seen = decode_versions(visit.form.get("versions", ""))
    selection, rest = _selection_of_form(visit)
    breaks = _in_order_of(seen, list_breaks(visit.console.readers, _of_ids(seen)))
    as_seen = [break_ for break_ in breaks if digest_of(break_) == seen[break_.break_id]]
    if action is BulkAction.COMMENT:
        as_seen = breaks
    order = order_of(visit, action)
    engine = writers_for(visit.console, person)
    until = visit.console.clock.now() + WORKED_FOR
    result = act_on_each(engine, as_seen, order, clock=visit.console.clock, until=until)
    same = {break_.break_id for break_ in as_seen}
    result.changed += [break_.break_id for break_ in breaks if break_.break_id not in same]
    left = [break_ for break_ in as_seen if break_.break_id in set(result.left)]
    values = {
        **_values(visit, left, BulkForm(action=action, reason=order.reason, to=order.to)),
        "result": result,
        "done": _done_text(action, result),
        "action": str(action),
        "selection": selection,
        "selected": count_breaks(visit.console.readers, rest) if rest else 0,
        "now_is": {
            break_.break_id: break_
            for break_ in list_breaks(
                visit.console.readers, _of_ids([*result.changed, *result.refused])
            )
        },
    }
    return HtmlPage(template="breaks/bulk_done.html", values=values)


def _selection_of(query: Mapping[str, str]) -> str:
    """The address of all that filters select, of any kind; empty if boxes were ticked."""
    if query.get("scope") != "all" or query.get("group"):
        return ""
    fields = {name: query[name] for name in FIELDS if query.get(name) and name != "kind"}
    return urlencode({"scope": "all", **fields})


def _kinds(breaks: Sequence[ListedBreak], query: Mapping[str, str]) -> list[KindCount]:
    """The kinds of the selected breaks, each with the address of these alone."""
    counts = Counter(str(break_.kind) for break_ in breaks)
    fields = {name: query[name] for name in ("do",) if query.get(name)}
    return [
        KindCount(
            kind=kind,
            count=count,
            address=f"{_selection_of(query)}&{urlencode({'kind': kind, **fields})}",
        )
        for kind, count in counts.most_common()
    ]


def _selection_of_form(visit: Visit) -> tuple[str, BreakFilter | None]:
    """The selection that a form came from: its address, and what it selects.

    Raises:
        Malformed: a filter that cannot be read.
    """
    query = dict(parse_qsl(visit.form.get("selection", "")[:_ADDRESS_CHARS_MAX]))
    address = _selection_of(query)
    if not address:
        return "", None
    person_id = visit.signed_in.person.person_id
    selected = read_query(query, visit.config, now=visit.now, person_id=person_id)
    return address, selected.break_filter


def digest_of(break_: ListedBreak) -> str:
    """A short digest of the version of a break."""
    return blake2b(break_.version.encode(), digest_size=4).hexdigest()


def encode_versions(breaks: Iterable[ListedBreak]) -> str:
    """The breaks with their versions, as one field of a form."""
    lines = "\n".join(f"{break_.break_id} {digest_of(break_)}" for break_ in breaks)
    return base64.urlsafe_b64encode(zlib.compress(lines.encode(), 9)).decode()


def decode_versions(field: str) -> dict[str, str]:
    """By id of a break, the digest of the version that a page showed.

    Raises:
        Malformed: it is no such field, or has more than ``BREAKS_MAX`` breaks.
    """
    try:
        packed = base64.urlsafe_b64decode(field.encode())
        unpacker = zlib.decompressobj()
        lines = unpacker.decompress(packed, _VERSIONS_BYTES_MAX).decode()
        pairs = dict(line.split(" ", 1) for line in lines.splitlines())
    except (ValueError, binascii.Error, zlib.error) as error:
        raise Malformed("versions", "the breaks of the page are expected") from error
    if unpacker.unconsumed_tail or not 0 < len(pairs) <= BREAKS_MAX or "\0" in lines:
        raise Malformed("versions", f"1 to {BREAKS_MAX} breaks are expected")
    return pairs


def money_of(breaks: Sequence[ListedBreak]) -> list[tuple[str, GroupSum]]:
    """The money of breaks by provider and currency."""
    totals: dict[tuple[str, str], list[ListedBreak]] = {}
    for break_ in breaks:
        totals.setdefault((break_.provider, break_.currency), []).append(break_)
    return [
        (
            provider,
            GroupSum(
                currency=currency,
                difference=sum(break_.difference for break_ in members),
                gross=sum(abs(break_.difference) for break_ in members),
                player=sum(break_.effects.player for break_ in members),
                invoice=sum(break_.effects.invoice for break_ in members),
            ),
        )
        for (provider, currency), members in sorted(totals.items())
    ]


def offered(breaks: Sequence[ListedBreak], person: Person) -> list[OfferedAction]:
    """The actions that the person has a right to and that some of the breaks take."""
    actions = [
        OfferedAction(action=action, count=sum(break_.state in states for break_ in breaks))
        for action, states in TAKES.items()
        if person.may(RIGHTS[action])
    ]
    return [each for each in actions if each.count]


def selected(visit: Visit) -> list[ListedBreak]:
    """The breaks that the list ticked, or all that it selects.

    Raises:
        RequestRefused: none, or too many.
    """
    break_filter = _filter(visit)
    with visit.console.readers.connect() as connection:
        breaks = listed_breaks(
            connection, break_filter, order=BreakOrder.AGE, limit=BREAKS_MAX + 1
        )
    if not 0 < len(breaks) <= BREAKS_MAX:
        count = count_breaks(visit.console.readers, break_filter) if breaks else 0
        why = (
            "No break is ticked, or none fits the filters any more. Go back and tick some."
            if count == 0
            else f"{counted(count, 'break')} are selected, and one action takes at most"
            f" {BREAKS_MAX}: narrow the filters, for example to one provider or one day."
        )
        raise RequestRefused(status=HTTPStatus.UNPROCESSABLE_ENTITY, title="Not done", why=why)
    return breaks


def _filter(visit: Visit) -> BreakFilter:
    picked = tuple(name.removeprefix(PICK) for name in visit.query if name.startswith(PICK))
    if visit.query.get("scope") != "all":
        return BreakFilter(ids=picked[:BREAKS_MAX], include_closed=True)
    if visit.query.get("group"):
        return filter_of(group_of(visit, visit.query["group"]))
    return query_of(visit).break_filter


def _of_ids(ids: Iterable[str]) -> BreakFilter:
    return BreakFilter(ids=tuple(ids), include_closed=True)


def _in_order_of(seen: Mapping[str, str], breaks: Iterable[TrackedBreak]) -> list[TrackedBreak]:
    by_id = {break_.break_id: break_ for break_ in breaks}
    return [by_id[break_id] for break_id in seen if break_id in by_id]


def _values(visit: Visit, breaks: Sequence[ListedBreak], form: BulkForm) -> dict[str, object]:
    with visit.console.readers.connect() as connection:
        assignees, newest = _assignees(connection), newest_note(connection)
    return {
        "count": len(breaks),
        "sentence": f"{counted(len(breaks), 'break')} selected.",
        "money": money_of(breaks),
        "breaks": breaks[:LISTED_MAX],
        "versions": encode_versions(breaks) if breaks else "",
        "offered": offered(breaks, visit.signed_in.person),
        "assignees": assignees,
        "form": form,
        "newest_note": newest,
        "config": visit.config,
    }


def _assignees(connection: Connection) -> list[Person]:
    return [
        person
        for person in people_in(connection)
        if not person.disabled and person.may(Right.WORK_BREAKS)
    ]


def _action(form: Mapping[str, str]) -> BulkAction:
    for action in TAKES:
        if action == form.get("action"):
            return action
    raise Malformed("action", f"one of {', '.join(TAKES)} is expected")


def _done_text(action: BulkAction, result: BulkResult) -> str:
    """What was done, in a sentence."""
    words = {
        BulkAction.ASSIGN: "assigned",
        BulkAction.COMMENT: "commented",
        BulkAction.EXPLAIN: "explained",
        BulkAction.WAIT: "set to wait for the provider",
        BulkAction.PROPOSE: "proposed to be corrected",
        BulkAction.WRITE_OFF: "proposed to be written off",
        BulkAction.APPROVE: "approved",
        BulkAction.REJECT: "rejected",
    }
    rest = len(result.refused) + len(result.changed)
    verb = "is" if len(result.done) == 1 else "are"
    text = f"{counted(len(result.done), 'break').capitalize()} {verb} {words[action]}"
    return f"{text}, {rest} could not be." if rest else f"{text}."
