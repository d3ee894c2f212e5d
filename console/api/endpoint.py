"""One endpoint of the API: a declaration from which route, checks and document are made."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel

from console.api.models.values import ApiModel
from console.config import Visit
from vocabulary.people import Right

#: Where every endpoint begins.
BASE = "/api/v1"


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


Endpoint = Read | Write
