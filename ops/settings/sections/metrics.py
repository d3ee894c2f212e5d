"""Settings of the metrics endpoint."""

from ops.settings.values import Port, Section


class MetricsSettings(Section):
    """The address at which the scheduler serves metrics.

    Attributes:
        port: unset: no metrics; 0: any free port, which ``tieout up`` prints.
    """

    host: str = "127.0.0.1"
    port: Port | None = None


def metrics_url(host: str, port: int) -> str:
    """The URL of the metrics."""
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/metrics"
