"""`python -m probes.edge`: one worker process of a region. Scale by processes, about one for each core."""

import atexit
import gc
import logging
import os
import sys
import warnings

from celery.platforms import SecurityWarning  # type: ignore[attr-defined] # celery-types leaves it out
from celery.signals import setup_logging
from kombu.utils.url import sanitize_url

from probes import tracing
from probes.broker.ping import BrokerAway, ping
from probes.edge.engine import Engine
from probes.edge.settings import EdgeSettings, SettingsError
from probes.edge.worker import BuildEngine, EdgeWorker
from probes.version import VERSION

EXIT_SETTINGS = 78
EXIT_UNAVAILABLE = 69


def wire_engine(settings: EdgeSettings) -> Engine:
    """Return the engine that speaks with real registries."""
    from probes.wire.driver import Engine as WireEngine  # noqa: PLC0415 - only a real worker needs the network code

    return WireEngine(
        user_agent=settings.user_agent, limits=settings.limits, proxy=settings.proxy, nat64=settings.nat64
    )


def main(build_engine: BuildEngine = wire_engine) -> int:
    """Read the environment, say in one line what this worker is, and work; return the exit status."""
    try:
        settings = EdgeSettings.from_environ(os.environ)
        level = _log_level(os.environ.get("KAIROS_LOG_LEVEL", "INFO"))
        # Later the broker may go away and come back. At the start it is told, for it may be the URL that is wrong.
        ping(settings.broker)
    except SettingsError as error:
        sys.stderr.write(f"kairos edge: {error}\n")
        return EXIT_SETTINGS
    except BrokerAway as error:
        sys.stderr.write(f"kairos edge: BROKER_URL: {error}\n")
        return EXIT_UNAVAILABLE
    logging.basicConfig(level=level, format="{levelname:<7} {name}: {message}", style="{")
    # Celery logs every message it receives and every task that ends; the heartbeat counts them.
    for name in ("celery.worker.strategy", "celery.app.trace"):
        logging.getLogger(name).setLevel(logging.WARNING)
    setup_logging.connect(_keep_our_logging, weak=False)
    # Celery warns root of what a pickle could do; only JSON is accepted here.
    warnings.simplefilter("ignore", SecurityWarning)
    logging.getLogger("probes.edge").info(
        "kairos edge %s: region %s, broker %s, %d batches, %d checks in flight",
        VERSION,
        settings.region,
        sanitize_url(settings.broker.url),
        settings.batches,
        settings.checks_in_flight,
    )
    if settings.proxy:
        logging.getLogger("probes.edge").info(
            "registries are reached through the proxy %s, which resolves their names", settings.proxy.netloc
        )
    tracing.start("kairos-edge", region=settings.region)
    try:
        return EdgeWorker(settings, build_engine).main()
    finally:
        tracing.stop()


def _log_level(name: str) -> int:
    level = logging.getLevelNamesMapping().get(name.upper())
    if level is None:
        raise SettingsError(f"KAIROS_LOG_LEVEL is not a level: {name[:40]!r}")
    return level


def _keep_our_logging(**_: object) -> None:
    """A receiver of this signal keeps Celery from adding handlers of its own."""


if __name__ == "__main__":
    atexit.register(gc.freeze)  # else Python looks for cycles to the very end, for nothing
    sys.exit(main())
