"""The collector of garbage while a program starts, and after that."""

import subprocess
import sys

_SAID = """
import gc
usual = gc.get_threshold()
import kairos
print(gc.get_threshold() > usual, gc.get_freeze_count())
import django
django.setup()
print(gc.get_threshold() == usual, gc.get_freeze_count() > 100_000)
"""


def test_garbage_is_seldom_looked_for_until_the_models_are_there() -> None:
    said = subprocess.run([sys.executable, "-c", _SAID], capture_output=True, text=True, check=True)
    assert said.stdout.splitlines() == ["True 0", "True True"]
