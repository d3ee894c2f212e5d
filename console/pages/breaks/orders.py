"""What a form asks to be done to one break or to many."""

from collections.abc import Mapping

from breaks.bulk import BulkAction, BulkOrder
from console.config import Visit
from console.pages.parameters import DIGITS_MAX, read_text, required
from storage.people import get_person

#: Longest comment or reason, in characters.
TEXT_CHARS_MAX = 4_000
#: Those that need no reason.
_WITHOUT_REASON = frozenset({BulkAction.ASSIGN, BulkAction.APPROVE})


def seen_note(form: Mapping[str, str]) -> int | None:
    """The newest note when the form was made; None: the form does not say."""
    number = form.get("seen_note", "")
    is_number = number.isascii() and number.isdigit() and len(number) <= DIGITS_MAX
    return int(number) if is_number else None


def order_of(visit: Visit, action: BulkAction) -> BulkOrder:
    """The order of the person who sent the form; the scheduler books what it approves.

    Raises:
        Malformed: the reason or the name of the assignee is missing.
        PersonRefused: nobody of that name is registered.
    """
    form, to = visit.form, ""
    if action is BulkAction.ASSIGN:
        with visit.console.readers.connect() as connection:
            to = get_person(connection, required(form, "to", "the name of a person")).name
    meaning = "" if action in _WITHOUT_REASON else "a reason"
    reason = read_text(form, "reason", most=TEXT_CHARS_MAX, meaning=meaning)
    return BulkOrder(
        action=action,
        by=visit.signed_in.person.name,
        reason=reason,
        to=to,
        limits=visit.config.limits().write_offs,
        try_corrections=visit.config.try_corrections,
        exponents=visit.config.exponents,
        books=False,
        seen_note=seen_note(form),
    )
