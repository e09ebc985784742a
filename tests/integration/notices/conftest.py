"""Channels to real receivers on loopback, and a control plane around which things happen.

What needs models is imported in the fixtures: pytest may read this file before Django is set up.
"""

import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import trustme
from cryptography.fernet import Fernet
from pytest_django.fixtures import Settings

from tests.fakes.receivers import ALERTMANAGER, Alertmanager, HttpReceiver, MailReceiver, started

if TYPE_CHECKING:
    from probes.models import Channel, Resource
    from tests.fakes.control_plane import ControlPlane

MakeChannel = Callable[..., "Channel"]
LOOPBACK = ["127.0.0.0/8"]


@pytest.fixture(autouse=True)
def _own_keys(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "fernet-keys"
    path.write_text(Fernet.generate_key().decode() + "\n")
    settings.KAIROS_FERNET_KEYS_FILE = path
    settings.KAIROS_REGION_KEYS_DIR = tmp_path / "regions"


@pytest.fixture
def make_channel(db: None) -> MakeChannel:
    """Make a channel that may reach loopback, with a rule: everything, unless the rule says otherwise."""
    from probes.actions import channels  # noqa: PLC0415 - see above
    from probes.models import Channel, Rule  # noqa: PLC0415 - see above

    def make(
        kind: str = "webhook",
        url: str = "https://hooks.example/",
        *,
        rule: dict[str, Any] | None = None,
        signing_key: str = "",
        **values: Any,
    ) -> Channel:
        given = {"name": f"the {kind}", "allowed_cidrs": LOOPBACK, **values}
        if kind == "email":
            given = {"sender": "kairos@example.com", "recipients": ["oncall@example.com"], **given}
        channel = Channel(kind=kind, **given)
        channels.save(channel, url=url, signing_key=signing_key)
        Rule.objects.create(channel=channel, **(rule or {}))
        return channel

    return make


@pytest.fixture
def image(plane: "ControlPlane") -> "Resource":
    """An image that was found good from everywhere."""
    image = plane.image(interval_seconds=3600)
    plane.check(image)
    return image


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """The private authority of receivers that speak TLS."""
    return trustme.CA()


@pytest.fixture(scope="session")
def tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.fixture
def hook() -> Iterator[HttpReceiver]:
    with started(HttpReceiver()) as receiver:
        yield receiver


@pytest.fixture
def mailbox() -> Iterator[MailReceiver]:
    with started(MailReceiver()) as receiver:
        yield receiver


@pytest.fixture
def alertmanager(hook: HttpReceiver, tmp_path: Path) -> Iterator[Alertmanager]:
    """Run Alertmanager, which tells `hook` what it makes of its alerts."""
    if ALERTMANAGER is None:
        pytest.skip("prometheus-alertmanager is not installed (apt-get install prometheus-alertmanager)")
    with started(Alertmanager(tmp_path, hook.url)) as server:
        yield server
