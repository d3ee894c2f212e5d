"""Every address of the console with the right that it needs: the one table."""

from console.api import reference
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
    single_sign_on,
    today,
    tokens,
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
    Route(method="GET", path="/find", right=Right.READ, handler=finding.show),
    Route(method="GET", path="/runs/{id}", right=Right.READ, handler=run_detail.show),
    Route(method="GET", path="/people", right=Right.READ, handler=people.show),
    Route(method="GET", path="/api", right=Right.READ, handler=reference.show),
    Route(method="GET", path="/tokens", right=Right.READ, handler=tokens.show),
    Route(method="POST", path="/tokens", right=Right.READ, handler=tokens.make),
    Route(method="POST", path="/tokens/{id}/revoke", right=Right.READ, handler=tokens.revoke),
)
