"""Other rules tried on the last days of a provider, as ``tieout reconcile what-if`` does it."""

import json
from dataclasses import replace
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from ops.jobs.kinds.rules import WhatIfArguments
from ops.jobs.providers import entry_of
from ops.jobs.work import JobRun
from ops.providers.configured import configured_provider
from ops.providers.reconcile_inputs import reader_of
from ops.providers.rule_trials import base_request, effect_json, proposed
from reconcile.runs.what_if import what_if
from storage.jobs.model import JobResult
from vocabulary.errors import Malformed
from vocabulary.plurals import counted
from vocabulary.window import Window

#: Breaks of each kind that the page shows; the file has all.
SHOWN_MAX = 100


def try_rules(run: JobRun) -> JobResult:
    """Show which breaks other rules would hide or open; nothing is stored."""
    arguments = run.arguments
    assert isinstance(arguments, WhatIfArguments)
    entry, url = entry_of(run.settings, arguments.provider), run.endpoints.database_url
    now, zone = run.clock.now(), ZoneInfo(entry.timezone)
    first = now.astimezone(zone).date() - timedelta(days=arguments.days)
    window = Window(start=datetime.combine(first, time(), tzinfo=zone), end=now)
    base = replace(
        base_request(url, entry, window, clock=run.clock),
        read_logged=reader_of(configured_provider(entry)),
    )
    try:
        proposal = proposed(base, list(arguments.rules))
    except ValueError as error:
        raise Malformed("rules", str(error)) from error
    run.progress(f"comparing {counted(arguments.days, 'day')} of {entry.slug} twice", 0)
    effect = what_if(url, base, proposal.request, now=now, names=proposal.names)
    document = effect_json(effect, base, list(arguments.rules))
    content = json.dumps(document, indent=2, ensure_ascii=False).encode()
    run.write(f"what-if-{entry.slug}.json", "application/json", content)
    shown = {name: document[name][:SHOWN_MAX] for name in ("hidden", "opened", "changed")}
    counts = {name: len(document[name]) for name in shown}
    return JobResult(
        summary=f"{counted(effect.before, 'break now', 'breaks now')}"
        f", {effect.after} with these rules: "
        + ", ".join(f"{count} {name}" for name, count in counts.items())
        + ". Nothing was stored.",
        details={**shown, "counts": counts, "residual": document["residual"]},
    )
