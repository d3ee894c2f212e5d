"""The answer to a request that is not committed, whatever the reason. Pure."""

from collections.abc import Iterable

from ledger.accepting.model import AwayName, Decision, Request
from vocabulary.outcomes import Verdict, refusal


def retry_later(request: Request, recalls: Iterable[AwayName] = ()) -> Decision:
    """The decision for a request that is not committed: the provider should send it again.

    Args:
        request: not decided, or decided and not written.
        recalls: names that must come back from archives before it can be decided.
    """
    reply = request.respond(refusal(Verdict.UNAVAILABLE, request.route, body=request.body))
    return Decision(Verdict.UNAVAILABLE, reply, (), None, None, {}, tuple(recalls))
