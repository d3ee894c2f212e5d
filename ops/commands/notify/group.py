"""``tieout notify``: its commands."""

from ops.commands.lazy_group import lazy_group

app = lazy_group(
    {
        "rules": "ops.commands.notify.rules:rules",
        "disable": "ops.commands.notify.rules:disable",
        "enable": "ops.commands.notify.rules:enable",
        "status": "ops.commands.notify.status:status",
        "test": "ops.commands.notify.sending:test",
        "again": "ops.commands.notify.sending:again",
    }
)
