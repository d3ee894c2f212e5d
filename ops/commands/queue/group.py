"""``tieout queue``: its commands."""

from ops.commands.lazy_group import lazy_group

app = lazy_group(
    {
        "status": "ops.commands.queue.status:status",
        "parked": "ops.commands.queue.parked:parked",
        "requeue": "ops.commands.queue.parked:requeue",
        "discard": "ops.commands.queue.parked:discard",
        "pause": "ops.commands.queue.pause:pause",
        "resume": "ops.commands.queue.pause:resume",
        "alive": "ops.commands.queue.alive:alive",
    }
)
