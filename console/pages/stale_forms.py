"""The answer to a form whose subject changed since its page was opened."""

from http import HTTPStatus

from console.config import Visit
from console.replies import RequestRefused


def stale_form(
    visit: Visit,
    *,
    subject: str,
    what: str,
    back: str,
    now_is: str,
    why: str = "Nothing was done. Compare both versions, then decide again.",
) -> RequestRefused:
    """The refusal that shows what was seen beside what is, and keeps what was typed.

    Args:
        visit: of the form.
        subject: what changed, as a word with its article.
        what: its name.
        back: the path of its page.
        now_is: its version now, as the form carries the one that was seen.
        why: what was done, and what to do.
    """
    return RequestRefused(
        status=HTTPStatus.CONFLICT,
        title=f"{subject} changed since you opened it",
        why=why,
        template="stale.html",
        values={
            "what": what,
            "back": back,
            "seen": visit.form.get("seen", ""),
            "now_is": now_is,
            "typed": visit.form.get("reason", "") or visit.form.get("text", ""),
        },
    )
