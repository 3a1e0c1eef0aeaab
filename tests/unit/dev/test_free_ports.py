import socket

from infra.dev.free_ports import free_ports


def test_no_port_is_given_twice() -> None:
    ports = free_ports(20) + free_ports(20)
    assert len(set(ports)) == 40


def test_port_can_be_listened_on_and_is_not_one_the_system_gives_away() -> None:
    [port] = free_ports(1)
    with (
        socket.create_server(("127.0.0.1", port)) as server,
        socket.create_connection(("127.0.0.1", port)) as client,
    ):
        assert server.getsockname()[1] == port < client.getsockname()[1]
