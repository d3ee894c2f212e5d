"""Stored runs: in pages, and one with its proof."""

from collections.abc import Mapping
from typing import Any

from console.api.endpoint import Endpoint, Read
from console.api.models.others import (
    RunDetailJson,
    RunJson,
    RunListJson,
    RunListQuery,
    RunSideJson,
    RunTotalsJson,
)
from console.api.models.values import money_of_text, window_json
from console.config import Visit
from console.pages.breaks.listing import PAGE_ROWS
from console.pages.parameters import provider_named
from console.replies import not_found
from reports.stored_runs import StoredRun, run_named, runs_after
from vocabulary.people import Right

_TAG = "runs"


def list_runs(visit: Visit) -> RunListJson:
    """Runs, the last finished first."""
    provider = visit.query.get("provider")
    if provider is not None:
        provider_named(visit.config, provider)
    with visit.console.readers.connect() as connection:
        runs, cursor = runs_after(
            connection,
            provider,
            after=visit.query.get("after"),
            limit=int(visit.query.get("limit", PAGE_ROWS)),
        )
    return RunListJson(items=tuple(RunJson(**run_fields(run)) for run in runs), next=cursor)


def show_run(visit: Visit) -> RunDetailJson:
    """One stored run; its figures are those it stored."""
    with visit.console.readers.connect() as connection:
        run = run_named(connection, visit.path["id"])
    if run is None:
        raise not_found("run", visit.path["id"])
    result, exponents = run.result, run.manifest.get("exponents", {})
    return RunDetailJson(
        **run_fields(run),
        ours=_side(run, "ours", exponents),
        theirs=_side(run, "theirs", exponents),
        timing=dict(result.get("timing", {})),
        excluded=dict(result.get("excluded", {})),
        residual=_amounts(result.get("residual", {}), exponents),
        booked=_amounts(result.get("booked", {}), exponents),
        unread=tuple(result.get("unread", ())),
        conserved=bool(result.get("conserved", True)),
        code=str(run.manifest.get("code", "")),
        rules=dict(run.manifest.get("rules", {})),
    )


def run_fields(run: StoredRun) -> dict[str, Any]:
    """The fields of ``RunJson``."""
    return {
        "run_id": run.run_id,
        "provider": run.provider,
        "window": window_json(run.window),
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "matched": run.result["matched"],
        "breaks": run.manifest["breaks"],
    }


def _side(run: StoredRun, name: str, exponents: Mapping[str, int]) -> RunSideJson:
    side, proof = run.result[name], run.manifest.get(name, {})
    return RunSideJson(
        rows=side["rows"],
        totals={
            code: RunTotalsJson(
                **{item: money_of_text(sums[item], code, exponents) for item in sums}
            )
            for code, sums in side["totals"].items()
        },
        tallies={
            key: tally["rows"] for key, tally in proof.items() if isinstance(tally, Mapping)
        },
    )


def _amounts(sums: Mapping[str, str], exponents: Mapping[str, int]) -> dict[str, Any]:
    return {code: money_of_text(text, code, exponents) for code, text in sums.items()}


ENDPOINTS: tuple[Endpoint, ...] = (
    Read(
        path="/runs",
        summary="Runs in pages, the newest first",
        tag=_TAG,
        right=Right.READ,
        show=list_runs,
        answer=RunListJson,
        query=RunListQuery,
    ),
    Read(
        path="/runs/{id}",
        summary="One run with the proof that no row was lost",
        tag=_TAG,
        right=Right.READ,
        show=show_run,
        answer=RunDetailJson,
    ),
)
