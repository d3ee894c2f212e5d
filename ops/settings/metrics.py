"""Where metrics are served."""

from ops.settings.values import Port, Section


class MetricsSettings(Section):
    """Where the scheduler serves what Prometheus asks for.

    Attributes:
        port: unset: nowhere; 0: any free one, which ``tieout up`` prints.
    """

    host: str = "127.0.0.1"
    port: Port | None = None


def metrics_url(host: str, port: int) -> str:
    """Where Prometheus finds them."""
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/metrics"
