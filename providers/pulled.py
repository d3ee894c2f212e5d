"""What is pulled from a provider's own API, whatever the provider."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class UnreadableItem:
    """An item of a list that could not be understood: a value, never an exception.

    Attributes:
        place: where it stood, such as ``page 2, data[4].rounds[0]``.
        reason: what was expected; never the content.
    """

    place: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedDelivery:
    """One callback as the provider logged it.

    Attributes:
        webhook_id: the registered URL it went to; ids may be unique only there.
        payload: the body sent, as far as the log shows it.
        response_code: the status of our reply; None where there was none.
        response_body: our reply; empty where there was none.
        attempted_at: the provider's instant.
        retry_count: how often it was sent again.
    """

    webhook_id: str
    delivery_id: str
    event_type: str
    payload: bytes = field(repr=False)
    response_code: int | None
    response_body: bytes = field(repr=False)
    success: bool
    attempted_at: datetime
    retry_count: int
