"""Every address of the console with the right that it needs: the one table."""

from console.api import reference
from console.gate import Route
from console.pages import (
    day_detail,
    day_jobs,
    day_list,
    finding,
    people,
    run_detail,
    sign_off,
    signing_in,
    single_sign_on,
    today,
    tokens,
)
from console.pages.breaks import actions as break_actions
from console.pages.breaks import bulk as break_bulk
from console.pages.breaks import correction as break_correction
from console.pages.breaks import detail as break_detail
from console.pages.breaks import files as break_files
from console.pages.breaks import groups as break_groups
from console.pages.breaks import listing as break_list
from console.pages.breaks import views as break_views
from console.pages.feeds import feed_detail, feed_list, feed_lists, finding_detail, preview
from console.pages.figures import totals, trends
from console.pages.jobs import job_detail, job_list
from console.pages.ops import notification_rules, notifications, overview, parked, queues
from console.pages.packs import dispute_opening, disputes, invoices, reports
from console.pages.records import (
    audit,
    batches,
    files,
    operations,
    players,
    recalls,
    rounds,
    seals,
    settings,
)
from vocabulary.people import Right

ROUTES: tuple[Route, ...] = (
    Route(method="GET", path="/login", right=None, handler=signing_in.show_login),
    Route(method="POST", path="/login", right=None, handler=signing_in.log_in),
    Route(method="GET", path="/reset/{code}", right=None, handler=signing_in.show_reset),
    Route(method="POST", path="/reset/{code}", right=None, handler=signing_in.set_password),
    Route(method="GET", path="/sso", right=None, handler=single_sign_on.begin),
    Route(method="GET", path="/sso/callback", right=None, handler=single_sign_on.finish),
    Route(method="POST", path="/logout", right=Right.READ, handler=signing_in.log_out),
    Route(method="GET", path="/", right=Right.READ, handler=today.show),
    Route(method="GET", path="/days", right=Right.READ, handler=day_list.show),
    Route(method="GET", path="/days/what-if", right=Right.READ, handler=day_jobs.show_rules),
    Route(
        method="POST", path="/days/what-if", right=Right.RUN_DAYS, handler=day_jobs.try_rules
    ),
    Route(method="POST", path="/days/sweep", right=Right.RUN_DAYS, handler=day_jobs.sweep),
    Route(method="GET", path="/days/sign-off", right=Right.READ, handler=sign_off.show),
    Route(
        method="POST",
        path="/days/sign-off/prepare",
        right=Right.PREPARE_DAYS,
        handler=sign_off.prepare,
    ),
    Route(
        method="POST",
        path="/days/sign-off/sign",
        right=Right.SIGN_DAYS,
        handler=sign_off.sign,
    ),
    Route(
        method="POST",
        path="/days/{provider}/{day}/run",
        right=Right.RUN_DAYS,
        handler=day_jobs.run,
    ),
    Route(
        method="POST",
        path="/days/{provider}/{day}/close",
        right=Right.PREPARE_DAYS,
        handler=day_jobs.close,
    ),
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
    Route(
        method="GET",
        path="/breaks.xlsx",
        right=Right.READ,
        handler=break_list.download_workbook,
    ),
    Route(method="GET", path="/breaks/groups", right=Right.READ, handler=break_groups.show_all),
    Route(
        method="GET", path="/breaks/groups/{id}", right=Right.READ, handler=break_groups.show
    ),
    Route(method="GET", path="/breaks/bulk", right=Right.WORK_BREAKS, handler=break_bulk.show),
    Route(method="POST", path="/breaks/bulk", right=Right.WORK_BREAKS, handler=break_bulk.act),
    Route(method="POST", path="/breaks/views", right=Right.READ, handler=break_views.save),
    Route(
        method="POST",
        path="/breaks/views/{id}/remove",
        right=Right.READ,
        handler=break_views.remove,
    ),
    Route(method="GET", path="/breaks/{id}", right=Right.READ, handler=break_detail.show),
    Route(
        method="GET",
        path="/breaks/{id}/files/{note}",
        right=Right.READ,
        handler=break_files.download,
    ),
    Route(
        method="GET",
        path="/breaks/{id}/correct",
        right=Right.PROPOSE,
        handler=break_correction.show,
    ),
    *(
        Route(
            method="POST",
            path=f"/breaks/{{id}}/{action.name}",
            right=action.right,
            handler=action.handle,
            takes_files=action.takes_files,
        )
        for action in break_actions.ACTIONS
    ),
    Route(method="GET", path="/feeds", right=Right.READ, handler=feed_list.show),
    Route(method="GET", path="/feeds/{provider}", right=Right.READ, handler=feed_detail.show),
    *(
        Route(
            method="GET", path=f"/feeds/{{provider}}/{name}", right=Right.READ, handler=handler
        )
        for name, handler in (
            ("findings", feed_lists.show_findings),
            ("files", feed_lists.show_files),
            ("pulls", feed_lists.show_pulls),
        )
    ),
    Route(method="GET", path="/findings/{id}", right=Right.READ, handler=finding_detail.show),
    Route(
        method="POST",
        path="/findings/{id}/resolve",
        right=Right.RESOLVE_FINDINGS,
        handler=finding_detail.resolve,
    ),
    Route(
        method="POST",
        path="/feeds/{provider}/upload",
        right=Right.IMPORT_FEEDS,
        handler=feed_detail.upload,
        takes_files=True,
    ),
    Route(
        method="POST",
        path="/feeds/{provider}/pull",
        right=Right.IMPORT_FEEDS,
        handler=feed_detail.pull,
    ),
    Route(
        method="POST",
        path="/jobs/{id}/import",
        right=Right.IMPORT_FEEDS,
        handler=preview.confirm,
    ),
    Route(
        method="POST", path="/jobs/{id}/drop", right=Right.IMPORT_FEEDS, handler=preview.drop
    ),
    Route(method="GET", path="/jobs", right=Right.READ, handler=job_list.show),
    Route(method="GET", path="/jobs/{id}", right=Right.READ, handler=job_detail.show),
    Route(method="GET", path="/jobs/{id}/events", right=Right.READ, handler=job_detail.events),
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
    Route(method="GET", path="/ops", right=Right.READ, handler=overview.show),
    Route(method="GET", path="/ops/events", right=Right.READ, handler=overview.events),
    Route(method="GET", path="/ops/queues/{queue}", right=Right.READ, handler=queues.show),
    Route(
        method="POST",
        path="/ops/queues/{queue}/pause",
        right=Right.RUN_QUEUES,
        handler=queues.pause,
    ),
    Route(
        method="POST",
        path="/ops/queues/{queue}/resume",
        right=Right.RUN_QUEUES,
        handler=queues.resume,
    ),
    Route(method="GET", path="/ops/parked", right=Right.READ, handler=parked.show),
    Route(
        method="GET",
        path="/ops/parked/{action}",
        right=Right.RUN_QUEUES,
        handler=parked.confirm,
    ),
    Route(
        method="POST",
        path="/ops/parked/{action}",
        right=Right.RUN_QUEUES,
        handler=parked.decide,
    ),
    Route(
        method="GET",
        path="/settings/notifications",
        right=Right.READ,
        handler=notifications.show,
    ),
    Route(
        method="GET",
        path="/settings/notifications/draft",
        right=Right.READ,
        handler=notifications.draft,
    ),
    *(
        Route(method=method, path=path, right=Right.SET_NOTIFICATIONS, handler=handler)
        for method, path, handler in (
            ("GET", "/settings/notifications/new", notification_rules.show_new),
            ("POST", "/settings/notifications", notification_rules.add),
            ("GET", "/settings/notifications/{rule}/change", notification_rules.show),
            ("POST", "/settings/notifications/{rule}/change", notification_rules.change),
            ("POST", "/settings/notifications/{rule}/disable", notification_rules.disable),
            ("POST", "/settings/notifications/{rule}/enable", notification_rules.enable),
        )
    ),
    Route(
        method="POST",
        path="/settings/notifications/{rule}/try",
        right=Right.RUN_QUEUES,
        handler=notifications.try_rule,
    ),
    Route(method="GET", path="/totals", right=Right.READ, handler=totals.show),
    Route(method="GET", path="/totals.csv", right=Right.READ, handler=totals.download_csv),
    Route(
        method="GET", path="/totals.xlsx", right=Right.READ, handler=totals.download_workbook
    ),
    Route(method="GET", path="/trends", right=Right.READ, handler=trends.show),
    Route(method="GET", path="/trends/{chart}.csv", right=Right.READ, handler=trends.download),
    Route(method="POST", path="/recalls", right=Right.ARCHIVE, handler=recalls.recall),
    Route(
        method="GET",
        path="/rounds/{provider}/{round}",
        right=Right.READ,
        handler=rounds.show,
    ),
    Route(method="GET", path="/operations/{id}", right=Right.READ, handler=operations.show),
    Route(
        method="GET",
        path="/operations/{id}/{side}",
        right=Right.READ,
        handler=operations.download,
    ),
    Route(
        method="GET", path="/requests/{id}", right=Right.READ, handler=operations.show_request
    ),
    Route(
        method="GET",
        path="/requests/{id}/{side}",
        right=Right.READ,
        handler=operations.download_request,
    ),
    Route(method="GET", path="/players/{player}", right=Right.READ, handler=players.show),
    Route(method="GET", path="/batches/{id}", right=Right.READ, handler=batches.show),
    Route(method="GET", path="/seals/{day}", right=Right.READ, handler=seals.show),
    Route(method="GET", path="/files/{id}", right=Right.READ, handler=files.show),
    Route(method="GET", path="/files/{id}/content", right=Right.READ, handler=files.download),
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
    Route(method="GET", path="/audit", right=Right.READ, handler=audit.show),
    Route(method="GET", path="/audit.csv", right=Right.READ, handler=audit.download),
    Route(method="GET", path="/settings", right=Right.SEE_SETTINGS, handler=settings.show),
    Route(method="GET", path="/api", right=Right.READ, handler=reference.show),
    Route(
        method="GET",
        path="/api/operations/{id}",
        right=Right.READ,
        handler=reference.show_operation,
    ),
    Route(
        method="GET",
        path="/api/objects/{name}",
        right=Right.READ,
        handler=reference.show_object,
    ),
    Route(method="GET", path="/tokens", right=Right.READ, handler=tokens.show),
    Route(method="POST", path="/tokens", right=Right.READ, handler=tokens.make),
    Route(method="POST", path="/tokens/{id}/revoke", right=Right.READ, handler=tokens.revoke),
)
