"""No test can leave this machine, whatever it tries."""

import socket

import pytest
from pytest_socket import SocketConnectBlockedError

# Reserved for documentation (RFC 5737, RFC 3849): nobody answers there even where the guard is missing.
OUTSIDE = [(socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")]


@pytest.mark.filterwarnings("ignore:A test tried to use socket:UserWarning")  # the guard warns, then raises
@pytest.mark.parametrize(("family", "address"), OUTSIDE)
def test_connecting_to_another_machine_is_refused(family: socket.AddressFamily, address: str) -> None:
    with socket.socket(family) as client, pytest.raises(SocketConnectBlockedError, match=address):
        client.connect((address, 443))


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.9.10"])
def test_all_of_loopback_may_be_connected_to(address: str) -> None:
    with socket.create_server((address, 0)) as listener, socket.socket() as client:
        client.connect(listener.getsockname())
