"""Comments that name a person, until that person has read them."""

from collections.abc import Iterator

from sqlalchemy import Connection, text

from reports.notifications.event import NOT_TAKEN, OF_PROVIDERS, Circumstances, Event, taking
from reports.notifications.rules import EventKind, NotifyRule

# Whoever names themselves needs no message.
_MENTIONS = f"""
SELECT m.note_id || '/' || m.person_id AS event_key, m.break_id, b.provider, n.author, p.name
  FROM break_mentions m
  JOIN break_notes n USING (note_id)
  JOIN people p ON p.person_id = m.person_id
  JOIN breaks b ON b.break_id = m.break_id
 WHERE m.read_at IS NULL AND p.name <> n.author AND p.disabled_at IS NULL
   AND (cardinality(CAST(:people AS text[])) = 0 OR p.name = ANY (:people))
   {NOT_TAKEN.format(key="m.note_id || '/' || m.person_id")}
   {OF_PROVIDERS.format(provider="b.provider")}
 ORDER BY m.note_id, p.name LIMIT :limit
"""  # noqa: S608 - only constants are put in


def mentions(connection: Connection, rule: NotifyRule, _: Circumstances) -> Iterator[Event]:
    """The unread mentions; without the comment, which may name players."""
    params = {**taking(rule, EventKind.MENTIONED), "people": list(rule.people)}
    for row in connection.execute(text(_MENTIONS), params):
        yield Event(
            kind=EventKind.MENTIONED,
            key=row.event_key,
            provider=row.provider,
            sentence=f"{row.author} names {row.name} in a comment.",
            subject=row.break_id,
        )
