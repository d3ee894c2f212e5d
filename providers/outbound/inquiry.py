"""Asking a provider about a single bet."""

from dataclasses import dataclass
from typing import Literal

InquiryVerdict = Literal["confirmed", "unknown", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class InquiryAnswer:
    """What a provider says about one bet.

    Attributes:
        reason: what the verdict rests on, in words.
        link: a page that shows the bet, if any.
        page: the bytes that were seen, if any.
    """

    verdict: InquiryVerdict
    reason: str
    link: str | None = None
    page: bytes | None = None
