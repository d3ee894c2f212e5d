"""Refusals and faults as problem+json, with the id under which the log has them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from pydantic import ValidationError

from console.api.models.problems import PROBLEM_TYPE, Problem, ProblemPart
from console.gate import note_failure
from console.replies import RequestRefused

#: The page that explains a status.
_EXPLAINED = "/api#status-{status}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiAnswer:
    """What is sent back.

    Attributes:
        content: the body, UTF-8.
        headers: without those that every answer has.
    """

    status: int
    content: bytes = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(eq=False, kw_only=True)
class RequestProblem(RequestRefused):
    """A request that the API refuses.

    Attributes:
        headers: such as Retry-After.
        parts: what is wrong in it, one by one.
    """

    headers: Mapping[str, str] = field(default_factory=dict)
    parts: tuple[ProblemPart, ...] = ()


def refuse(
    status: HTTPStatus,
    why: str,
    *,
    headers: Mapping[str, str] | None = None,
    parts: Iterable[ProblemPart] = (),
) -> RequestProblem:
    """A refusal under the usual name of its status."""
    return RequestProblem(
        status=status, title=status.phrase, why=why, headers=headers or {}, parts=tuple(parts)
    )


def malformed(error: ValidationError, what: str) -> RequestProblem:
    """A body or parameters that do not follow their schema."""
    parts = [
        ProblemPart(place=".".join(map(str, item["loc"])) or what, detail=item["msg"])
        for item in error.errors(include_url=False, include_input=False, include_context=False)
    ]
    why = f"The {what} does not follow the schema. Nothing was done."
    return refuse(HTTPStatus.BAD_REQUEST, why, parts=parts)


def problem_of(error: Exception, path: str, instance: str) -> ApiAnswer:
    """The answer to a failed request.

    Args:
        error: what failed.
        path: the endpoint, for the log.
        instance: the path that was asked for.
    """
    refusal, error_id = note_failure(error, path)
    status = HTTPStatus(refusal.status)
    if status is HTTPStatus.CONFLICT and not isinstance(refusal, RequestProblem):
        status = HTTPStatus.PRECONDITION_FAILED  # a page's stale form is a stale If-Match here
    problem = Problem(
        type=_EXPLAINED.format(status=int(status)),
        title=refusal.title,
        status=int(status),
        detail=refusal.why,
        instance=instance,
        error_id=error_id,
        errors=refusal.parts if isinstance(refusal, RequestProblem) else (),
    )
    headers = dict(refusal.headers) if isinstance(refusal, RequestProblem) else {}
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        headers.setdefault("Retry-After", "5")
    return ApiAnswer(
        status=int(status),
        content=problem.model_dump_json().encode(),
        content_type=PROBLEM_TYPE,
        headers={**headers, "X-Error-Id": error_id},
    )
