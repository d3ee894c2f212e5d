"""Ask for the rows of a round or an operation that are in an archive only."""

from typing import Any

from sqlalchemy import Connection

from console.acting import writers_for
from console.addresses import address
from console.config import Visit
from console.pages.parameters import read_choice, read_name, required
from console.replies import SeeOther
from ledger.archive.demands import demand_as, waiting_demand
from storage.transactions import transaction
from vocabulary.errors import Malformed
from vocabulary.ids import RowKind
from vocabulary.people import Right


def recall(visit: Visit) -> SeeOther:
    """Ask for the rows; the scheduler brings them, as after `tieout archive recall`."""
    kind = read_choice(RowKind, visit.form, "kind")
    if kind is None:
        raise Malformed("kind", "operation or round is expected")
    provider = read_name("provider", required(visit.form, "provider", "a provider"))
    name = read_name("name", required(visit.form, "name", "an id"))
    person = visit.signed_in.person
    with transaction(writers_for(visit.console, person), "the recall") as connection:
        demand_as(connection, kind, provider, name, person.name)
    if kind is RowKind.ROUND:
        return SeeOther(path=address("rounds", provider, name, done="recalled"))
    return SeeOther(path=address("find", q=name, done="recalled"))


def recall_values(
    visit: Visit, connection: Connection, kind: RowKind, provider: str, name: str
) -> dict[str, Any]:
    """What the button shows: whether the person may ask, and who asked already."""
    return {
        "kind": kind.value,
        "provider": provider,
        "name": name,
        "may_recall": visit.signed_in.person.may(Right.ARCHIVE),
        "demand": waiting_demand(connection, kind, provider, name),
    }
