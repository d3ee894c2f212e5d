"""Every address of the console with the right that it needs: the one table."""

from console.gate import Route
from console.pages import (
    break_actions,
    break_detail,
    break_list,
    day_detail,
    day_list,
    finding,
    people,
    run_detail,
    signing_in,
    today,
)
from console.pages.figures import totals, trends
from console.pages.jobs import job_detail, job_list
from console.pages.packs import dispute_opening, disputes, invoices, reports
from vocabulary.people import Right

ROUTES: tuple[Route, ...] = (
    Route(method="GET", path="/login", right=None, handler=signing_in.show_login),
    Route(method="POST", path="/login", right=None, handler=signing_in.log_in),
    Route(method="GET", path="/reset/{code}", right=None, handler=signing_in.show_reset),
    Route(method="POST", path="/reset/{code}", right=None, handler=signing_in.set_password),
    Route(method="POST", path="/logout", right=Right.READ, handler=signing_in.log_out),
    Route(method="GET", path="/", right=Right.READ, handler=today.show),
    Route(method="GET", path="/days", right=Right.READ, handler=day_list.show),
    Route(
        method="GET", path="/days/{provider}/{day}", right=Right.READ, handler=day_detail.show
    ),
    Route(
        method="POST",
        path="/days/{provider}/{day}/prepare",
        right=Right.PREPARE_DAYS,
        handler=day_detail.prepare,
    ),
    Route(
        method="POST",
        path="/days/{provider}/{day}/sign",
        right=Right.SIGN_DAYS,
        handler=day_detail.sign,
    ),
    Route(
        method="POST",
        path="/days/{provider}/{day}/reopen",
        right=Right.REOPEN_DAYS,
        handler=day_detail.reopen,
    ),
    Route(method="GET", path="/breaks", right=Right.READ, handler=break_list.show),
    Route(method="GET", path="/breaks.csv", right=Right.READ, handler=break_list.download),
    Route(method="GET", path="/breaks/{id}", right=Right.READ, handler=break_detail.show),
    *(
        Route(
            method="POST",
            path=f"/breaks/{{id}}/{action.name}",
            right=action.right,
            handler=action.handle,
        )
        for action in break_actions.ACTIONS
    ),
    Route(method="GET", path="/jobs", right=Right.READ, handler=job_list.show),
    Route(method="GET", path="/jobs/{id}", right=Right.READ, handler=job_detail.show),
    Route(
        method="GET",
        path="/jobs/{id}/files/{file}",
        right=Right.READ,
        handler=job_detail.download,
    ),
    # The kind of the job decides who may cancel it or request it again.
    Route(method="POST", path="/jobs/{id}/cancel", right=Right.READ, handler=job_detail.cancel),
    Route(method="POST", path="/jobs/{id}/again", right=Right.READ, handler=job_detail.repeat),
    Route(method="GET", path="/find", right=Right.READ, handler=finding.show),
    Route(method="GET", path="/runs/{id}", right=Right.READ, handler=run_detail.show),
    Route(method="GET", path="/totals", right=Right.READ, handler=totals.show),
    Route(method="GET", path="/totals.csv", right=Right.READ, handler=totals.download_csv),
    Route(
        method="GET", path="/totals.xlsx", right=Right.READ, handler=totals.download_workbook
    ),
    Route(method="GET", path="/trends", right=Right.READ, handler=trends.show),
    Route(method="GET", path="/trends/{chart}.csv", right=Right.READ, handler=trends.download),
    Route(method="GET", path="/disputes", right=Right.READ, handler=disputes.show_all),
    Route(
        method="GET", path="/disputes/new", right=Right.DISPUTE, handler=dispute_opening.show
    ),
    Route(
        method="POST", path="/disputes/new", right=Right.DISPUTE, handler=dispute_opening.open_
    ),
    Route(
        method="POST",
        path="/disputes/answers",
        right=Right.DISPUTE,
        handler=disputes.import_answers,
        takes_files=True,
    ),
    Route(method="GET", path="/disputes/{id}", right=Right.READ, handler=disputes.show),
    Route(
        method="POST",
        path="/disputes/{id}/export",
        right=Right.DISPUTE,
        handler=disputes.export,
    ),
    Route(
        method="GET",
        path="/disputes/{id}/packs/{number}",
        right=Right.DISPUTE,
        handler=disputes.download_pack,
    ),
    Route(method="GET", path="/invoices", right=Right.READ, handler=invoices.show_all),
    Route(
        method="POST",
        path="/invoices",
        right=Right.RECORD_INVOICES,
        handler=invoices.receive,
        takes_files=True,
    ),
    Route(method="GET", path="/invoices/{id}", right=Right.READ, handler=invoices.show),
    Route(
        method="GET", path="/invoices/{id}/file", right=Right.READ, handler=invoices.download
    ),
    *(
        Route(method="POST", path=f"/invoices/{{id}}/{name}", right=right, handler=handler)
        for name, right, handler in (
            ("check", Right.RECORD_INVOICES, invoices.check),
            ("approve", Right.APPROVE_INVOICES, invoices.approve),
            ("dispute", Right.RECORD_INVOICES, invoices.dispute),
            ("pay", Right.RECORD_INVOICES, invoices.pay),
        )
    ),
    Route(method="GET", path="/reports", right=Right.READ, handler=reports.show),
    Route(
        method="POST",
        path="/reports/statements",
        right=Right.READ,
        handler=reports.write_statement,
    ),
    Route(
        method="POST",
        path="/reports/journals",
        right=Right.EXPORT_JOURNALS,
        handler=reports.export_journals,
    ),
    Route(method="GET", path="/people", right=Right.READ, handler=people.show),
)
