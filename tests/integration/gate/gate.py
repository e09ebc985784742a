"""The script of `deploy/ci`, run as a pipeline does: by a Python that has nothing of ours."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SCRIPT: Final = Path(__file__).resolve().parents[3] / "deploy" / "ci" / "kairos-gate"
SECONDS: Final = 90.0
TOKEN: Final = "a-token"


@dataclass(frozen=True)
class Said:
    """What the script printed, and its exit status."""

    status: int
    text: str


def started(*arguments: str, url: str, token: str = TOKEN) -> "subprocess.Popen[str]":
    environment = {"PATH": os.environ["PATH"], "KAIROS_URL": url, "KAIROS_TOKEN": token}
    return subprocess.Popen(
        # Isolated, and without site-packages.
        [sys.executable, "-I", "-S", str(SCRIPT), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
    )


def ended(process: "subprocess.Popen[str]") -> Said:
    text, _ = process.communicate(timeout=SECONDS)
    return Said(process.returncode, text)


def gate(*arguments: str, url: str, token: str = TOKEN) -> Said:
    return ended(started(*arguments, url=url, token=token))
