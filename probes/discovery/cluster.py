"""The workloads of a running cluster: lists of the Kubernetes API, page by page, and nothing but lists.

Source: the Kubernetes API concepts, "retrieving large results sets in chunks" and "410 Gone responses".
"""

import asyncio
from typing import Any, Final
from urllib.parse import quote, urlencode

from probes.discovery.access import Cluster
from probes.discovery.asking import MAX_PAGES, AnswerRefused, Asker, transport_here
from probes.policy.discovery import kubernetes
from probes.policy.discovery.finding import Notebook, Place
from probes.policy.discovery.nodes import MAX_DEPTH, Mapping, Sequence
from probes.protocol.plan import Secret
from probes.protocol.token import never_shown
from probes.protocol.urls import origin_of

PAGE_ITEMS: Final = 250
PAGE_BYTES: Final = 16 * 1024 * 1024
_RESTARTS: Final = 3
_OVER: Final = frozenset({"Succeeded", "Failed"})
LISTED: Final = (
    ("v1", "Pod", "pods"),
    ("v1", "ReplicationController", "replicationcontrollers"),
    ("apps/v1", "Deployment", "deployments"),
    ("apps/v1", "StatefulSet", "statefulsets"),
    ("apps/v1", "DaemonSet", "daemonsets"),
    ("apps/v1", "ReplicaSet", "replicasets"),
    ("batch/v1", "CronJob", "cronjobs"),
    ("batch/v1", "Job", "jobs"),
)
"""What is asked for, as the ClusterRole in deploy/kubernetes allows it."""


async def read_cluster(
    cluster: Cluster, book: Notebook, *, namespaces: tuple[str, ...], selector: str, seconds: float
) -> None:
    """Note what runs in a cluster. What cannot be read is a gap."""
    async with transport_here() as transport:
        asker = Asker(
            transport=transport,
            route=cluster.route,
            deadline=asyncio.get_running_loop().time() + seconds,
            home=origin_of(cluster.server),
            identity_pem=cluster.identity_pem,
            page_bytes=PAGE_BYTES,
            secrets=never_shown(Secret(bearer=cluster.token)),
        )
        await Agent(cluster, asker, book).read(namespaces=namespaces, selector=selector)


class Agent:
    """Reads one cluster into a notebook."""

    def __init__(self, cluster: Cluster, asker: Asker, book: Notebook) -> None:
        self._cluster = cluster
        self._asker = asker
        self._book = book
        self._headers = (("Authorization", f"Bearer {cluster.token}"),) if cluster.token else ()

    async def read(self, *, namespaces: tuple[str, ...] = (), selector: str = "") -> None:
        """Note the images of all workloads, of some namespaces only if any are named. Never raises.

        What is not allowed, or breaks off, is a gap; the other lists are read all the same.
        """
        for version, kind, plural in LISTED:
            for namespace in namespaces or ("",):
                await self._read_list(version, kind, plural, namespace, selector)

    async def _read_list(self, version: str, kind: str, plural: str, namespace: str, selector: str) -> None:
        root = "/api/" if version == "v1" else "/apis/"
        within = f"/namespaces/{quote(namespace, safe='')}" if namespace else ""
        url = f"{self._cluster.server}{root}{version}{within}/{plural}"
        place = Place(f"cluster {self._cluster.name}", None, f"{plural} of {namespace or 'all namespaces'}")
        try:
            items = await self._pages(url, selector)
        except _Incomplete as broken:
            items = broken.items
            self._book.gap(place, str(broken))
        for item in items:
            kubernetes.read_object(item, version, kind, self._place, self._book)

    async def _pages(self, url: str, selector: str) -> list[Mapping]:
        """Return all items of a list. Raises `_Incomplete` with those that came."""
        found: list[Mapping] = []
        token, limit, restarts = "", PAGE_ITEMS, 0
        for _ in range(MAX_PAGES):
            query = {"limit": str(limit), "labelSelector": selector, "continue": token}
            page_url = f"{url}?{urlencode({name: value for name, value in query.items() if value})}"
            try:
                page, _ = await self._asker.ask_for(page_url, self._headers)
            except AnswerRefused as refused:
                if refused.is_too_large and limit > 1:
                    limit = max(1, limit // 4)
                    continue
                if refused.status == 410 and token and restarts < _RESTARTS:
                    found, token, restarts = [], "", restarts + 1  # the list that we were in is no more
                    continue
                raise _Incomplete(_explained(refused), found) from None
            if not isinstance(page, dict) or not isinstance(page.get("items"), list | None):
                raise _Incomplete("the answer is no list", found)
            found += [part for item in page.get("items") or () if (part := _part(item)) is not None]
            metadata = page.get("metadata")
            following = metadata.get("continue") if isinstance(metadata, dict) else None
            if not following:
                return found
            if following == token or not isinstance(following, str):
                raise _Incomplete("the list goes in a circle", found)
            token = following
        raise _Incomplete(f"more than {MAX_PAGES:,} pages", found)

    def _place(self, _line: int, what: str) -> Place:
        return Place(f"cluster {self._cluster.name}", None, what)


class _Incomplete(Exception):
    def __init__(self, message: str, items: list[Mapping]) -> None:
        super().__init__(message)
        self.items = items


def _explained(refused: AnswerRefused) -> str:
    if refused.status == 401:
        return f"{refused}: the token or the certificate is not taken"
    if refused.status == 403:
        return f"{refused}: give the account the role in deploy/kubernetes/discover.yaml"
    return str(refused)


def _part(item: Any) -> Mapping | None:
    """Return of an object what is read of it, or None where it is made by another that is listed, or is over."""
    if not isinstance(item, dict) or not isinstance(metadata := item.get("metadata"), dict):
        return None
    status, spec = item.get("status"), item.get("spec")
    is_pod = isinstance(spec, dict) and "containers" in spec
    if is_pod and isinstance(status, dict) and status.get("phase") in _OVER:
        return None
    owners = metadata.get("ownerReferences")
    if (
        not is_pod
        and isinstance(owners, list)
        and any(isinstance(one, dict) and one.get("controller") for one in owners)
    ):
        return None
    part = Mapping(0)
    part["metadata"] = _built({name: metadata.get(name) for name in ("name", "namespace")})
    part["spec"] = _built(spec)
    return part


def _built(value: Any, depth: int = 0) -> Any:
    """Return JSON as what is read from YAML is; what is deeper than any object of Kubernetes is left out."""
    if depth > MAX_DEPTH:
        return None
    if isinstance(value, dict):
        mapping = Mapping(0)
        for name, item in value.items():
            mapping[name] = _built(item, depth + 1)
        return mapping
    if isinstance(value, list):
        sequence = Sequence(0)
        for item in value:
            sequence.append(_built(item, depth + 1))
            sequence.lines.append(0)
        return sequence
    return value if isinstance(value, str) else None
