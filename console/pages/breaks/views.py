"""Save the list of breaks that is shown under a name, and remove it again."""

from urllib.parse import parse_qsl

from breaks.lists.saved_views import remove_view, save_view
from console.acting import writers_for
from console.config import Visit
from console.pages.breaks.selection import read_query
from console.pages.parameters import required
from console.replies import SeeOther, not_found
from vocabulary.errors import Malformed

#: Longest address of a list, in characters.
_ADDRESS_CHARS_MAX = 4_000


def save(visit: Visit) -> SeeOther:
    """Save the list for the person, or for everybody."""
    name = " ".join(required(visit.form, "name", "a name").split())
    text = visit.form.get("address", "")
    if len(text) > _ADDRESS_CHARS_MAX:
        raise Malformed("address", f"at most {_ADDRESS_CHARS_MAX} characters are expected")
    person = visit.signed_in.person
    # Read as the list reads it: nothing else is ever stored.
    fields = dict(parse_qsl(text))
    query = read_query(fields, visit.config, now=visit.now, person_id=person.person_id)
    address = query.address("")[1:]
    if len(address) > _ADDRESS_CHARS_MAX:  # escaped, a letter may be twelve characters
        raise Malformed("address", f"filters of at most {_ADDRESS_CHARS_MAX} characters fit")
    with writers_for(visit.console, person).begin() as connection:
        save_view(
            connection,
            person.person_id,
            name=name,
            address=address,
            shared=bool(visit.form.get("shared")),
            now=visit.now,
        )
    return SeeOther(path=query.address("/breaks", done="view-saved"))


def remove(visit: Visit) -> SeeOther:
    """Remove a view of the person."""
    text, person = visit.path["id"], visit.signed_in.person
    view_id = int(text) if text.isascii() and text.isdigit() and len(text) < 18 else 0
    with writers_for(visit.console, person).begin() as connection:
        is_removed = remove_view(connection, person.person_id, view_id)
    if not is_removed:
        raise not_found("list of yours", text)
    return SeeOther(path="/breaks?done=view-removed")
