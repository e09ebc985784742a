"""The network: exchanges with registries, token services and clouds. One place dials."""

from probes.extras import without

with without("httpx._main"):  # its program for people, and what that draws with
    import httpx as _httpx  # noqa: F401 - loading is the import's effect
