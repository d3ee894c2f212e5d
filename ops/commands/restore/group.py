"""``tieout restore``: its commands."""

from ops.commands.lazy_group import lazy_group

app = lazy_group(
    {
        "begin": "ops.commands.restore.steps:begin",
        "status": "ops.commands.restore.steps:status",
        "verify": "ops.commands.restore.steps:verify",
        "finish": "ops.commands.restore.steps:finish",
    }
)
