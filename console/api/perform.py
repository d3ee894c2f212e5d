"""What every request of the API passes: sender, rate, right, schema, version.

Runs in threads, because endpoints read the database.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus

from pydantic import BaseModel, ValidationError

from console.api.credentials import FORM_TOKEN_HEADER, ApiSender, sender_of
from console.api.endpoint import Create, Endpoint, NoQuery, Read, Write, form_of
from console.api.idempotency import (
    REPLAYED,
    KeyClaim,
    check_key,
    claim_key,
    fingerprint_of,
    keep_answer,
    performing,
    release_key,
)
from console.api.problems import ApiAnswer, malformed, problem_of, refuse
from console.api.rates import RateLimit
from console.config import Console, Visit
from console.gate import Incoming, check_right, visit_of
from console.replies import not_found
from vocabulary.people import Right

#: What an answer may be kept by: whoever asks has to ask us again each time.
_KEEP = {
    "Cache-Control": "private, no-cache",
    "Vary": f"Authorization, Cookie, {FORM_TOKEN_HEADER}",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiRequest:
    """A request, read from the wire.

    Attributes:
        headers: by lower-case name.
        repeated: names of parameters that are given twice.
    """

    incoming: Incoming
    headers: Mapping[str, str]
    body: bytes
    repeated: tuple[str, ...] = ()

    def header(self, name: str) -> str:
        """A header; empty: there is none."""
        return self.headers.get(name, "").strip()


def answer_request(
    console: Console, rates: RateLimit, endpoint: Endpoint, request: ApiRequest
) -> ApiAnswer:
    """Answer one request."""
    try:
        visit = _admit(console, rates, endpoint, request)
        _check_path(request)
        _check_query(endpoint, request)
        match endpoint:
            case Read():
                return _read(endpoint, visit, request)
            case Write() | Create():
                return _write(endpoint, visit, request)
    except Exception as error:  # noqa: BLE001 - the edge: every failure becomes a problem
        path = request.incoming.url.partition("?")[0]
        return problem_of(error, endpoint.path, path)


def turned_away(console: Console, endpoint: Endpoint, request: ApiRequest) -> ApiAnswer | None:
    """The answer to somebody who may not send a long body; None if they may."""
    try:
        _sent_by(console, endpoint.right, request)
    except Exception as error:  # noqa: BLE001 - the edge: every failure becomes a problem
        return problem_of(error, endpoint.path, request.incoming.url.partition("?")[0])
    return None


def _admit(
    console: Console, rates: RateLimit, endpoint: Endpoint, request: ApiRequest
) -> Visit:
    """The request of somebody who may send it."""
    if endpoint.right is None:
        return visit_of(console, request.incoming, None)
    return _sent_by(console, endpoint.right, request, rates)


def _sent_by(
    console: Console, right: Right | None, request: ApiRequest, rates: RateLimit | None = None
) -> Visit:
    sender: ApiSender = sender_of(
        console,
        request.incoming,
        authorization=request.header("authorization"),
        form_token=request.header(FORM_TOKEN_HEADER.lower()),
    )
    if rates is not None:
        rates.take(sender.key)
    visit = visit_of(console, request.incoming, sender.session)
    if right is not None:
        check_right(visit, right)
    return visit


def _check_path(request: ApiRequest) -> None:
    """Refuse ids that no database can hold."""
    for name, value in request.incoming.path.items():
        if not value.isprintable():
            raise not_found(name, "")


def _check_query(endpoint: Endpoint, request: ApiRequest) -> None:
    if request.repeated:
        raise refuse(
            HTTPStatus.BAD_REQUEST,
            f"The parameter {request.repeated[0]} is given twice. Nothing was done.",
        )
    expected = endpoint.query if isinstance(endpoint, Read) else NoQuery
    try:
        expected.model_validate(dict(request.incoming.query), strict=False)
    except ValidationError as error:
        raise malformed(error, "query") from error


def _read(endpoint: Read, visit: Visit, request: ApiRequest) -> ApiAnswer:
    answer = _answer_of(endpoint.show(visit))
    if _names_content(request.header("if-none-match"), answer.headers["ETag"]):
        return replace(answer, status=HTTPStatus.NOT_MODIFIED, content=b"")
    return answer


def _write(endpoint: Write | Create, visit: Visit, request: ApiRequest) -> ApiAnswer:
    key = request.headers.get("idempotency-key")
    if key is not None:
        check_key(key)
    body = _body_of(endpoint, request)
    if isinstance(endpoint, Write) and endpoint.needs_version:
        _require_version(endpoint, request)
    # A replica may lag behind: whoever writes reads where they write.
    console = replace(visit.console, readers=visit.console.writers)
    visit = replace(visit, console=console)
    replay: Callable[[Visit], BaseModel]
    if isinstance(endpoint, Create):
        visit = replace(visit, form=_form_of(body, key))
        perform, replay = partial(_create, endpoint, body), partial(_repeat, endpoint, body)
    else:
        visit = replace(visit, form=endpoint.form(body))
        perform, replay = partial(_perform, endpoint, request), endpoint.of.show
    if key is None:
        return perform(visit)
    claim = claim_key(
        console.writers,
        visit.signed_in.person,
        key,
        fingerprint=fingerprint_of(request.incoming.url, request.body),
        now=visit.now,
        lasts=visit.config.api.idempotency,
    )
    match claim:
        case KeyClaim():
            return _perform_once(perform, visit, claim)
        case ApiAnswer():
            return claim
        case None:  # it was done, and whoever did it died before the answer was kept
            answer = _answer_of(replay(visit))
            return replace(answer, headers={**answer.headers, **REPLAYED})


def _require_version(endpoint: Write, request: ApiRequest) -> None:
    """Refuse a decision on what the sender has not seen."""
    if not request.header("if-match"):
        raise refuse(
            HTTPStatus.PRECONDITION_REQUIRED,
            f"Send `If-Match` with the ETag of GET {endpoint.of.path}, so that nobody decides"
            " on what they have not seen. Nothing was done.",
        )


def _form_of(body: BaseModel, key: str | None) -> dict[str, str]:
    """The form of a request that creates; a digest of its key fits where forms have theirs."""
    digest = "" if key is None else hashlib.sha256(key.encode()).hexdigest()
    return {**form_of(body), "request_key": digest}


def _create(endpoint: Create, body: BaseModel, visit: Visit) -> ApiAnswer:
    return _answer_of(endpoint.act(body, visit))


def _repeat(endpoint: Create, body: BaseModel, visit: Visit) -> BaseModel:
    """Ask again for what was done; a note or file that was stored then is not stored twice."""
    return endpoint.act(body, replace(visit, form={**visit.form, "seen_note": "0"}))


def _perform_once(
    perform: Callable[[Visit], ApiAnswer], visit: Visit, claim: KeyClaim
) -> ApiAnswer:
    engine = visit.console.writers
    marked = replace(visit.console, writers=performing(engine, claim, visit.now))
    try:
        answer = perform(replace(visit, console=marked))
    except BaseException:
        release_key(engine, claim)  # keeps it if the action was committed
        raise
    keep_answer(engine, claim, answer)
    return answer


def _perform(endpoint: Write, request: ApiRequest, visit: Visit) -> ApiAnswer:
    reading = replace(visit, console=replace(visit.console, writers=visit.console.readers))
    thing = endpoint.of.show(reading)
    version = _checked_version(request, thing)
    form = {**visit.form, **({} if version is None else {"version": version})}
    endpoint.act(replace(visit, form=form))
    return _answer_of(endpoint.of.show(reading))


def _checked_version(request: ApiRequest, thing: BaseModel) -> str | None:
    """The version of the thing, if it is what the sender saw."""
    named, etag = request.header("if-match"), _answer_of(thing).headers["ETag"]
    if named and not _names_version(named, etag):
        raise refuse(
            HTTPStatus.PRECONDITION_FAILED,
            "It changed since you read it. Nothing was done: read it again, then decide.",
            headers={"ETag": etag},
        )
    return getattr(thing, "version", None)


def _body_of(endpoint: Write | Create, request: ApiRequest) -> BaseModel:
    media = request.header("content-type").partition(";")[0].strip().lower()
    if request.body and media != "application/json":
        raise refuse(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "A body of application/json is expected. Nothing was done.",
            headers={"Accept-Post": "application/json"},
        )
    try:
        return endpoint.body.model_validate_json(request.body or b"{}")
    except ValidationError as error:
        raise malformed(error, "body") from error


def _answer_of(model: BaseModel) -> ApiAnswer:
    """The model as JSON. Its ETag changes with any byte and begins with the version."""
    content = model.model_dump_json().encode()
    parts = [getattr(model, "version", "").encode(), content]
    etag = f'"{"-".join(hashlib.sha256(part).hexdigest()[:16] for part in parts)}"'
    return ApiAnswer(status=HTTPStatus.OK, content=content, headers={**_KEEP, "ETag": etag})


def _names_content(header: str, etag: str) -> bool:
    """Whether If-None-Match names an ETag."""
    names = [name.strip().removeprefix("W/") for name in header.split(",")]
    return "*" in names or etag in names


def _names_version(header: str, etag: str) -> bool:
    """Whether If-Match names the version of an ETag; a comment meanwhile is no other one."""
    names = [name.strip() for name in header.split(",")]
    version = etag.partition("-")[0]
    return "*" in names or any(name.partition("-")[0] == version for name in names)
