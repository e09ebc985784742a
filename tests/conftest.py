"""What every test may count on: loopback only, real servers on demand, settings that name them."""

import gc
import os
import signal
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
import redis
from django.conf import settings
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from tests import migrated
from tests.servers import SessionServers, running

if TYPE_CHECKING:
    from tests.sharing_out import LongestFirst

_servers = pytest.StashKey[SessionServers]()

# How fast this machine is just now is no property of the code.
hypothesis_settings.register_profile("kairos", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("kairos")

_SELDOM = 10_000
"""New objects after which Python looks for garbage; usually 700. Thousands of tests are always there to be looked at:
a tenth of the time was spent on that."""


def pytest_configure(config: pytest.Config) -> None:
    """Name the session's servers, then let Django read its settings: in this order, hence not by pytest's ini."""
    if config.getoption("dist", "no") != "no" and not (hasattr(config, "workerinput") or config.option.collectonly):
        # It hands tests out to processes that are sessions of their own. Importing `kairos` has named the settings.
        del os.environ["DJANGO_SETTINGS_MODULE"]
        return
    # What was started by nohup or in a script's background ignores these, and so would every program under test.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if settings.configured:
        raise pytest.UsageError("unset DJANGO_SETTINGS_MODULE: the tests choose the settings and their servers")
    config.stash[_servers] = servers = SessionServers()
    servers.make_keys()
    for name in [name for name in os.environ if name.startswith("KAIROS_")]:
        del os.environ[name]  # the person's own settings are not the tests'
    os.environ.update(servers.environment, DJANGO_SETTINGS_MODULE="kairos.settings")
    # Tests ask as often as they like, and count queries: those of rates set one.
    os.environ.update({f"KAIROS_RATE_{kind}": "0" for kind in ("READ", "WRITE", "PROBE", "ANON")})
    # Loads them; pytest-django's own hook, which comes after this one, then sets Django up.
    _ = settings.DATABASES
    config.addinivalue_line("markers", "lab: takes the whole machine for minutes; run by `pytest -m lab` alone")
    config.addinivalue_line("markers", "slow: takes seconds by its nature, such as starting every process")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Let nobody look for garbage while the tests are read, of which nothing goes; and seldom from then on."""
    gc.disable()
    gc.set_threshold(_SELDOM, *gc.get_threshold()[1:])
    try:
        return (yield)
    finally:
        gc.enable()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> "LongestFirst | None":
    """Have `--dist loadfile` hand out the longest files first."""
    if config.getoption("dist") != "loadfile":
        return None
    from tests.sharing_out import LongestFirst  # noqa: PLC0415 - pytest-xdist is here, now that it asks

    config.option.loadscopereorder = False
    return LongestFirst(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the longest first where they are shared out."""
    if hasattr(config, "workerinput"):
        from tests.sharing_out import put_longest_first  # noqa: PLC0415 - likewise

        put_longest_first(items)


def pytest_unconfigure(config: pytest.Config) -> None:
    if (servers := config.stash.get(_servers, None)) is not None:
        servers.remove()


@pytest.fixture(scope="session")
def postgres_url(pytestconfig: pytest.Config) -> Iterator[str]:
    """Run PostgreSQL for the session; the value is its URL, which DATABASE_URL has as well."""
    server = pytestconfig.stash[_servers].postgres
    migrated.lay_out(server.data)
    with running(server.child(), is_ready=server.is_ready):
        yield server.url


@pytest.fixture(scope="session")
def redis_url(pytestconfig: pytest.Config) -> Iterator[str]:
    """Run Redis for the session; the value is its URL, which BROKER_URL has as well."""
    server = pytestconfig.stash[_servers].redis
    server.prepare()
    with running(server.child(), is_ready=server.is_ready):
        yield server.url


@pytest.fixture(scope="session")
def django_db_keepdb() -> bool:
    """Take the test database that came with its cluster, instead of making another."""
    return True


@pytest.fixture(scope="session")
def django_db_modify_db_settings(postgres_url: str) -> None:
    """Start PostgreSQL before pytest-django makes its test database in it."""


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Let pytest-django empty the test database between tests in a way that is made for tests."""
    from tests.fakes import emptied  # noqa: PLC0415 - models, once Django is set up

    with django_db_blocker.unblock():
        emptied.make_room()
    with emptied.emptied_quickly():
        yield


@pytest.fixture(scope="session", autouse=True)
def _static_files_found_once() -> Iterator[None]:
    """Have static files found by the first test that asks Django something, and not by each of their clients anew.

    A client makes a handler of its own, which makes the middleware: that was a quarter of what the API's tests took.
    """
    from whitenoise.middleware import (  # type: ignore[import-untyped] # noqa: PLC0415 - Django, once it is set up
        WhiteNoiseMiddleware,
    )

    find_all = WhiteNoiseMiddleware.add_files_from_finders
    found: dict[str, Any] = {}

    def recall(middleware: Any) -> None:
        if not found:
            find_all(middleware)
            found.update(middleware.files)
        middleware.files.update(found)

    with mock.patch.object(WhiteNoiseMiddleware, "add_files_from_finders", recall):
        yield


@pytest.fixture(scope="session", autouse=True)
def _passwords_hashed_quickly() -> Iterator[None]:
    """Have a password cost next to nothing: a third of a second is for who guesses, and tests guess nothing."""
    from django.contrib.auth.hashers import PBKDF2PasswordHasher  # noqa: PLC0415 - likewise

    with mock.patch.object(PBKDF2PasswordHasher, "iterations", 1_000):
        yield


@pytest.fixture
def broker(redis_url: str) -> str:
    """Give the test an empty broker; the value is its URL."""
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
    return redis_url
