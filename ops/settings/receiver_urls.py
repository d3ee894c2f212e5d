"""Where receivers serve their metrics."""

from ops.settings.model import Settings

#: How many processes of one machine find a port of their own for health and metrics.
OPS_PORTS = 16


def receiver_urls(settings: Settings) -> tuple[str, ...]:
    """Where the receivers serve metrics, or may do."""
    if settings.console.receivers:
        return tuple(settings.console.receivers)
    receiver = settings.receiver
    host = receiver.ops_host or receiver.host
    near = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)  # noqa: S104 - not a bind
    if receiver.ops_port is None:
        return (f"http://{near}:{receiver.port}",)
    ports = range(receiver.ops_port, min(receiver.ops_port + OPS_PORTS, 65_536))
    return tuple(f"http://{near}:{port}" for port in ports)
