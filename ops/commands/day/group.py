"""``tieout day``: its commands."""

from ops.commands.lazy_group import lazy_group

app = lazy_group(
    {
        "list": "ops.commands.day.listing:list_days",
        "show": "ops.commands.day.listing:show",
        "close": "ops.commands.day.closing:close",
        "prepare": "ops.commands.day.steps:prepare",
        "sign": "ops.commands.day.steps:sign",
        "reopen": "ops.commands.day.steps:reopen",
        "run": "ops.commands.day.sweep:run",
    }
)
