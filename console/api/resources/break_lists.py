"""Groups of breaks, many breaks worked at once, attached files and saved lists."""

from base64 import b64decode
from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from breaks.attachments import attach_files, check_size
from breaks.bulk import BulkAction, BulkResult
from breaks.lists.grouping import GroupSummary
from breaks.lists.paging import page_of_breaks
from breaks.lists.saved_views import saved_views
from breaks.store import break_exists
from console.acting import writers_for
from console.api.endpoint import Create, Endpoint, Read
from console.api.models.break_lists import (
    AttachBody,
    BulkBody,
    BulkResultJson,
    GroupDetailJson,
    GroupJson,
    GroupListJson,
    GroupQuery,
    GroupSumJson,
    ViewBody,
    ViewJson,
    ViewListJson,
)
from console.api.models.breaks import BreakDetailJson, BreakJson, NoBody
from console.api.models.jobs import FileJson
from console.api.models.values import attributes, money
from console.api.resources.breaks import break_fields, show_break
from console.api.resources.jobs import file_json
from console.config import Visit
from console.pages.breaks import bulk, files, views
from console.pages.breaks.groups import filter_of, group_of, page_of_groups
from console.pages.breaks.listing import PAGE_ROWS, query_of
from console.pages.breaks.orders import seen_note
from console.replies import RequestRefused, not_found
from vocabulary.people import Right
from vocabulary.plurals import counted

_TAG = "breaks"


def list_groups(visit: Visit) -> GroupListJson:
    """The groups of more than one break, the largest first."""
    page = page_of_groups(visit)
    return GroupListJson(
        items=tuple(GroupJson(**_group_fields(group, visit)) for group in page.items),
        next=page.next,
        **attributes(page, "groups breaks alone made_at"),
    )


def show_group(visit: Visit) -> GroupDetailJson:
    """One group with a page of its breaks."""
    group, query = group_of(visit, visit.path["id"]), query_of(visit)
    with visit.console.readers.connect() as connection:
        page = page_of_breaks(
            connection,
            filter_of(group),
            order=query.order,
            after=query.after,
            limit=int(visit.query.get("limit", PAGE_ROWS)),
        )
    return GroupDetailJson(
        **_group_fields(group, visit),
        items=tuple(BreakJson(**break_fields(item, visit.config)) for item in page.breaks),
        next=page.next,
    )


def act_on_many(body: BulkBody, visit: Visit) -> BulkResultJson:
    """Do it to each of the breaks, if they are as many as expected."""
    breaks = bulk.selected(replace(visit, query=_selection(body)))
    if len(breaks) != body.count:
        raise RequestRefused(
            status=HTTPStatus.CONFLICT,
            title="Other breaks are selected",
            why=f"{counted(body.count, 'break was expected', 'breaks were expected')}, "
            f"{counted(len(breaks), 'is selected', 'are selected')}. Nothing was"
            " done.",
        )
    form = {
        "action": body.action,
        "reason": body.reason,
        "to": body.to or "",
        "versions": bulk.encode_versions(breaks),
        "seen_note": visit.form.get("seen_note", ""),
    }
    result: BulkResult = bulk.act(replace(visit, form=form)).values["result"]
    return BulkResultJson(
        action=BulkAction(body.action),
        done=tuple(result.done),
        refused=dict(result.refused),
        changed=tuple(result.changed),
        left=tuple(result.left),
    )


def show_file(visit: Visit) -> FileJson:
    """A file that somebody attached."""
    return file_json(files.download(visit))


def attach(body: AttachBody, visit: Visit) -> BreakDetailJson:
    """Attach a file to a break."""
    break_id, content = visit.path["id"], b64decode(body.file.content)
    if not break_exists(visit.console.readers, break_id):
        raise not_found("break", break_id)
    check_size(body.file.name, len(content))
    person = visit.signed_in.person
    attach_files(
        writers_for(visit.console, person),
        break_id,
        [(body.file.name, content)],
        by=person.name,
        now=visit.now,
        seen=seen_note(visit.form),
    )
    return show_break(visit)


def list_views(visit: Visit) -> ViewListJson:
    """Saved lists: one's own, and those that are shared."""
    with visit.console.readers.connect() as connection:
        listed = saved_views(connection, visit.signed_in.person.person_id)
    return ViewListJson(
        items=tuple(
            ViewJson(
                id=str(view.view_id),
                query=view.address,
                **{name: getattr(view, name) for name in ("name", "shared", "owner", "is_own")},
            )
            for view in listed
        )
    )


def save(body: ViewBody, visit: Visit) -> ViewListJson:
    """Save a list under a name."""
    form = {"name": body.name, "address": body.query, "shared": "yes" if body.shared else ""}
    views.save(replace(visit, form=form))
    return list_views(visit)


def remove(_body: NoBody, visit: Visit) -> ViewListJson:
    """Remove a list of one's own."""
    views.remove(visit)
    return list_views(visit)


def _selection(body: BulkBody) -> Mapping[str, str]:
    """What the page of the selection would have as its address."""
    if body.ids is not None:
        return {f"{bulk.PICK}{break_id}": "yes" for break_id in body.ids}
    if body.group is not None:
        return {"scope": "all", "group": body.group}
    assert body.filter is not None, "the model expects one of them"
    return {"scope": "all", **body.filter.model_dump(mode="json", exclude_none=True)}


def _group_fields(group: GroupSummary, visit: Visit) -> dict[str, Any]:
    exponents = visit.config.exponents(group.provider)
    return {
        "id": group.group_id,
        **{
            name: getattr(group, name)
            for name in ("provider", "cause", "subject", "sentence", "oldest")
        },
        "breaks": len(group.ids),
        "standings": {str(standing): count for standing, count in group.standings.items()},
        "sums": tuple(
            GroupSumJson(
                **{
                    name: money(getattr(part, name), part.currency, exponents)
                    for name in ("difference", "gross", "player", "invoice")
                }
            )
            for part in group.sums
        ),
    }


ENDPOINTS: tuple[Endpoint, ...] = (
    Read(
        path="/breaks/groups",
        summary="Breaks in groups of one likely cause",
        tag=_TAG,
        right=Right.READ,
        query=GroupQuery,
        show=list_groups,
        answer=GroupListJson,
    ),
    Read(
        path="/breaks/groups/{id}",
        summary="One group with a page of its breaks",
        tag=_TAG,
        right=Right.READ,
        show=show_group,
        answer=GroupDetailJson,
        query=GroupQuery,
    ),
    # What is done decides which right it needs beside this one.
    Create(
        path="/breaks/bulk",
        summary="One action on many breaks, if they are as many as expected",
        tag=_TAG,
        right=Right.WORK_BREAKS,
        act=act_on_many,
        body=BulkBody,
        answer=BulkResultJson,
    ),
    Read(
        path="/breaks/views",
        summary="Saved lists of breaks",
        tag=_TAG,
        right=Right.READ,
        show=list_views,
        answer=ViewListJson,
    ),
    Create(
        path="/breaks/views",
        summary="Save a list of breaks under a name",
        tag=_TAG,
        right=Right.READ,
        act=save,
        body=ViewBody,
        answer=ViewListJson,
    ),
    Create(
        path="/breaks/views/{id}/remove",
        summary="Remove a saved list of one's own",
        tag=_TAG,
        right=Right.READ,
        act=remove,
        body=NoBody,
        answer=ViewListJson,
    ),
    Read(
        path="/breaks/{id}/files/{note}",
        summary="A file that is attached to a break, with its bytes",
        tag=_TAG,
        right=Right.READ,
        show=show_file,
        answer=FileJson,
    ),
    Create(
        path="/breaks/{id}/attach",
        summary="Attach a file to a break",
        tag=_TAG,
        right=Right.WORK_BREAKS,
        act=attach,
        body=AttachBody,
        answer=BreakDetailJson,
        takes_file=True,
    ),
)
