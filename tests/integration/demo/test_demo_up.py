"""`manage.py up --demo` where it cannot begin. How it does is walked through in tests/browser/test_demo.py."""

import socket

from kairos.embedded import free_port
from tests.fakes.up import run_to_end, state_directory


def test_a_taken_demo_port_is_one_line_that_names_it_and_starts_nothing() -> None:
    with state_directory() as state, socket.create_server(("127.0.0.4", 0)) as taken:
        port = taken.getsockname()[1]
        refused = run_to_end(state, "--demo", "--demo-port", str(port), "--bind", f"127.0.0.1:{free_port()}")
    assert refused.returncode == 1
    assert refused.stderr == (
        f"CommandError: port {port} on 127.0.0.4 cannot be used (Address already in use); "
        f"choose another with --demo-port {port + 1}\n"
    )


def test_a_demo_port_that_is_none_is_one_line() -> None:
    with state_directory() as state:
        refused = run_to_end(state, "--demo", "--demo-port", "70000")
    assert refused.stderr.splitlines() == ["CommandError: --demo-port: 70000 is not a port between 0 and 65531"]
