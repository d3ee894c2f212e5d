"""Breaks in groups, many breaks worked at once, attached files and saved lists."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from breaks.bulk import BulkAction
from breaks.lists.groups import BreakCause
from console.api.models.breaks import BreakFilters, BreakJson, Cursor, Limit
from console.api.models.jobs import UploadJson
from console.api.models.values import (
    TEXT_CHARS_MAX,
    ApiModel,
    FilterText,
    Instant,
    MoneyJson,
    OptionalText,
)

#: Most breaks of one action.
IDS_MAX = 2_000


class GroupSumJson(ApiModel):
    """The money of a group in one currency."""

    difference: MoneyJson
    gross: MoneyJson = Field(description="Every difference without its sign, added up.")
    player: MoneyJson
    invoice: MoneyJson


class GroupJson(ApiModel):
    """Breaks of one provider with one likely cause."""

    id: str
    provider: str
    cause: BreakCause
    subject: str
    sentence: str
    breaks: int
    sums: tuple[GroupSumJson, ...]
    standings: dict[str, int]
    oldest: Instant


class GroupListJson(ApiModel):
    """The groups of the breaks that are not closed, the largest first."""

    items: tuple[GroupJson, ...]
    groups: int = Field(description="On all pages.")
    breaks: int = Field(description="In the groups of all pages.")
    next: str | None = Field(description="Give it as `after` for the next page.")
    alone: int = Field(description="Breaks that share no cause with another.")
    made_at: Instant


class GroupQuery(ApiModel):
    """Which page of the groups, or of the breaks of one."""

    after: Cursor | None = Field(default=None, description="`next` of the page before.")
    limit: Limit | None = Field(default=None, description="1 to 200; 50 if not given.")


class GroupDetailJson(GroupJson):
    """A group with one page of its breaks."""

    items: tuple[BreakJson, ...]
    next: str | None = Field(description="Give it as `after` for the next page.")


class BulkBody(ApiModel):
    """One action on the breaks of a list of ids, of a group, or of filters: of one of them."""

    action: Literal[
        "assign", "comment", "explain", "wait", "propose", "write-off", "approve", "reject"
    ]
    ids: Annotated[tuple[FilterText, ...], Field(min_length=1, max_length=IDS_MAX)] | None = (
        None
    )
    group: FilterText | None = None
    filter: BreakFilters | None = None
    count: int = Field(ge=1, le=IDS_MAX, description="How many breaks they are expected to be.")
    reason: OptionalText = ""
    to: FilterText | None = Field(default=None, description="Whom to assign them to.")

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        chosen = [value for value in (self.ids, self.group, self.filter) if value is not None]
        if len(chosen) != 1:
            raise ValueError("one of ids, group and filter is expected")
        return self


class BulkResultJson(ApiModel):
    """What became of each break.

    What was changed meanwhile is left alone; what the time did not suffice for is left, too.
    """

    action: BulkAction
    done: tuple[str, ...]
    refused: dict[str, str] = Field(description="Why, by break.")
    changed: tuple[str, ...]
    left: tuple[str, ...]


class AttachBody(ApiModel):
    """The file to attach."""

    file: UploadJson


class ViewJson(ApiModel):
    """A list of breaks that somebody saved under a name."""

    id: str
    name: str
    query: str = Field(description="The parameters of `GET /breaks`, as an address has them.")
    shared: bool
    owner: str
    is_own: bool


class ViewListJson(ApiModel):
    """The saved lists that the person sees."""

    items: tuple[ViewJson, ...]


class ViewBody(ApiModel):
    """A list to save; one's own list of the same name is replaced."""

    name: FilterText
    query: str = Field(default="", max_length=TEXT_CHARS_MAX)
    shared: bool = False
