"""The version that heartbeats report and that registries read in our user agent; as in pyproject.toml."""

from typing import Final

VERSION: Final = "0.1.0"
