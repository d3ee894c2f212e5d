"""One endpoint of the API: a declaration from which route, checks and document are made."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel

from console.api.models.values import ApiModel
from console.config import Visit
from console.uploads import FORM_BYTES_MAX
from vocabulary.people import Right

#: Where every endpoint begins.
BASE = "/api/v1"
#: Largest file of a body, and the longest body with it: base64 makes four bytes of three.
FILE_BYTES_MAX = 8 * 1024 * 1024
FILE_BODY_BYTES_MAX = FILE_BYTES_MAX * 4 // 3 + FORM_BYTES_MAX


class NoQuery(ApiModel):
    """No parameters."""


def form_of(body: BaseModel) -> Mapping[str, str]:
    """The fields of a body as a form of a page has them; what is null is left out."""
    return {
        name: str(value)
        for name, value in body.model_dump(exclude_none=True, mode="json").items()
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A GET.

    Attributes:
        path: below ``BASE``, as aiohttp reads it.
        right: what the person needs, and the token's scopes; None: nobody has to be known.
        show: reads the answer. ``visit.query`` has the parameters as text, after ``query``
            found them valid.
        answer: the model of what ``show`` returns.
    """

    path: str
    summary: str
    tag: str
    right: Right | None
    show: Callable[[Visit], BaseModel]
    answer: type[BaseModel]
    query: type[BaseModel] = NoQuery

    @property
    def method(self) -> Literal["GET"]:
        """GET."""
        return "GET"


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """A POST that acts on one thing and answers with the thing as it is then.

    Attributes:
        act: does it, as the form of a page would; ``visit.form`` has the body's fields as text,
            and under ``version`` the version of the thing that ``of`` read.
        body: the model of the body; ``form`` makes form fields of it.
        of: the GET of the thing: its ETag is what If-Match names.
        needs_version: whether a request without If-Match is refused.
    """

    path: str
    summary: str
    tag: str
    right: Right
    act: Callable[[Visit], object]
    body: type[BaseModel]
    of: Read
    form: Callable[[BaseModel], Mapping[str, str]] = form_of
    needs_version: bool = True

    @property
    def method(self) -> Literal["POST"]:
        """POST."""
        return "POST"

    @property
    def answer(self) -> type[BaseModel]:
        """The model of the thing."""
        return self.of.answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Create:
    """A POST that makes a new thing or acts on several, and answers with what it did.

    Attributes:
        act: does it, from the body and the visit, whose form has the fields of the body as
            text, and under ``request_key`` a digest of the Idempotency-Key. A repeat whose
            answer was lost calls it again, with ``seen_note`` 0, so that no note is written
            twice: a second call must do nothing more.
        body: the model of the body.
        takes_file: whether the body may be as long as a file in base64.
    """

    path: str
    summary: str
    tag: str
    right: Right
    act: Callable[[Any, Visit], BaseModel]
    body: type[BaseModel]
    answer: type[BaseModel]
    takes_file: bool = False

    @property
    def method(self) -> Literal["POST"]:
        """POST."""
        return "POST"

    @property
    def needs_version(self) -> bool:
        """It decides on no version."""
        return False

    @property
    def body_bytes_max(self) -> int:
        """Longest body, in bytes."""
        return FILE_BODY_BYTES_MAX if self.takes_file else FORM_BYTES_MAX


Endpoint = Read | Write | Create
