"""``tieout feed``: its commands."""

from ops.commands.lazy_group import lazy_group

app = lazy_group(
    {
        "import": "ops.commands.feed.imports:import_statement",
        "pull": "ops.commands.feed.pull:pull",
        "status": "ops.commands.feed.status:status",
        "findings": "ops.commands.feed.findings:findings",
        "resolve": "ops.commands.feed.findings:resolve",
        "file": "ops.commands.feed.files:file",
    }
)
