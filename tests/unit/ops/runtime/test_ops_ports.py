"""Receivers with one settings file have a port each for health and metrics."""

from contextlib import ExitStack

import pytest

from ops.runtime.listening import first_free_socket
from ops.settings.receiver_urls import OPS_PORTS
from tests.harness.servers.ports import free_port
from vocabulary.errors import Unavailable


def test_each_process_gets_the_first_port_that_no_other_has() -> None:
    with ExitStack() as stack:
        first_port = free_port()
        ports = []
        for _ in range(3):
            listen = stack.enter_context(first_free_socket("127.0.0.1", first_port))
            ports.append(listen.getsockname()[1])

    assert len(set(ports)) == 3
    assert ports == sorted(ports)
    assert first_port <= ports[0] <= ports[-1] < first_port + OPS_PORTS


def test_an_address_that_is_not_ours_is_refused_at_once() -> None:
    with pytest.raises(Unavailable, match=r"cannot listen on 192\.0\.2\.1 port 9090"):
        first_free_socket("192.0.2.1", 9090)
