"""Who may act, and the one table of what each role may do."""

from console.config import Visit
from console.replies import HtmlPage
from storage.people import people_in
from vocabulary.people import RIGHTS, Right, Role


def show(visit: Visit) -> HtmlPage:
    """Everyone who is registered, and the table of rights."""
    with visit.console.readers.connect() as connection:
        listed = people_in(connection)
    values = {
        "listed": listed,
        "roles": list(Role),
        "rights": [(right, [right in RIGHTS[role] for role in Role]) for right in Right],
        "two_people": visit.config.limits().days.two_people,
    }
    return HtmlPage(template="people.html", values=values)
