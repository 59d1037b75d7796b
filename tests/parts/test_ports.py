"""Ports for servers that start a few seconds later."""

from __future__ import annotations

import socket

from parts.ports import FIRST, LAST, free_port, is_free


def test_a_free_port_can_be_bound():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", free_port()))


def test_a_free_port_is_outside_the_range_of_outgoing_connections():
    assert all(FIRST <= free_port() <= LAST for _ in range(100))


def test_the_port_of_a_running_server_is_not_free():
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert not is_free(server.getsockname()[1])
