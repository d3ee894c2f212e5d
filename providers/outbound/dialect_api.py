"""The calls of a provider's own API that a dialect supports."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from providers.outbound.access import ApiAccess
from providers.outbound.inquiry import InquiryAnswer
from providers.outbound.launch import GamesApi
from providers.outbound.pull import PulledFeeds


@dataclass(frozen=True, slots=True, kw_only=True)
class DialectApi:
    """The supported calls; None where the provider's document has no such call.

    Attributes:
        launch: connects for listing and opening games and for registering players.
        inquire: asks about one bet, given its key and, where known, when it began. Raises
            ApiError.
        pull: the feeds that can be pulled.
    """

    launch: Callable[[ApiAccess], GamesApi] | None
    inquire: Callable[[ApiAccess, str, datetime | None], Awaitable[InquiryAnswer]] | None
    pull: PulledFeeds | None


#: Of a dialect whose document describes no API of the provider.
NO_API = DialectApi(launch=None, inquire=None, pull=None)
