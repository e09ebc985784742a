"""How a cluster is reached, and who we are there: as a kubeconfig says, or as the pod that we run in."""

import ipaddress
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from probes.protocol.plan import Site
from probes.protocol.proxy import Proxy
from probes.protocol.token import is_bearer
from probes.protocol.urls import Origin, UrlRefused, origin_of
from probes.wire.identity import IdentityUnusable, check_identity
from probes.wire.route import Route

SERVICE_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})


class ClusterUnusable(ValueError):
    """No cluster can be reached by what is configured; the message says why and shows no secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A cluster, how it is reached and who we are there."""

    name: str
    server: str  # the URL, without a slash at its end
    route: Route
    token: str = field(default="", repr=False)
    identity_pem: str = field(default="", repr=False)


def chosen(path: str = "", context: str = "") -> Cluster:
    """Return the cluster of `path`, else of `KUBECONFIG`, else of `~/.kube/config`, else that we run in.

    Raises `ClusterUnusable`.
    """
    named = path or os.environ.get("KUBECONFIG", "")
    if named:
        if os.pathsep in named and not Path(named).exists():
            raise ClusterUnusable("KUBECONFIG names several files; choose one by --kubeconfig")
        return _from_file(Path(named), context)
    usual = Path("~/.kube/config").expanduser()
    if usual.exists():
        return _from_file(usual, context)
    if "KUBERNETES_SERVICE_HOST" in os.environ:
        return from_service_account(os.environ["KUBERNETES_SERVICE_HOST"], SERVICE_ACCOUNT)
    raise ClusterUnusable("there is no kubeconfig, and we run in no cluster: name one by --kubeconfig")


def from_service_account(host: str, directory: Path) -> Cluster:
    """Return the cluster that we run in. Raises `ClusterUnusable`."""
    port = os.environ.get("KUBERNETES_SERVICE_PORT_HTTPS") or os.environ.get("KUBERNETES_SERVICE_PORT") or "443"
    try:
        token = (directory / "token").read_text(encoding="ascii").strip()
        ca_pem = (directory / "ca.crt").read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        raise ClusterUnusable(f"the service account in {directory} cannot be read: is it mounted?") from None
    netloc = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return cluster_at("in-cluster", f"https://{netloc}", ca_pem=ca_pem, token=token)


def _from_file(path: Path, context: str) -> Cluster:
    from probes.discovery import kubeconfig  # noqa: PLC0415 - it wants PyYAML, which an agent in a pod does without

    return kubeconfig.from_file(path, context)


def cluster_at(
    name: str,
    server: str,
    *,
    ca_pem: str,
    token: str = "",
    identity_pem: str = "",
    proxy_url: str = "",
    server_name: str = "",
) -> Cluster:
    """Return a cluster, if it can be reached like that. PEMs may be empty. Raises `ClusterUnusable`."""
    try:
        origin = origin_of(server)
        proxy = Proxy.parse(proxy_url, ca_pem=ca_pem) if proxy_url else None
        resolve: tuple[tuple[str, tuple[str, ...]], ...] = ()
        if server_name and server_name != origin.host:
            server, resolve = _renamed(server, origin, server_name)
        site = Site(
            ca_pem=ca_pem,
            # Wherever it is, but no metadata service: whoever runs this chose it.
            allow_hosts=(origin_of(server).host,),
            resolve=resolve,
            plain_http=origin.scheme == "http" and origin.host in _LOOPBACK,  # kubectl proxy
        )
        route = Route.of(site, proxy)
        if identity_pem:
            check_identity(identity_pem)
    except UrlRefused as error:
        raise ClusterUnusable(f"the server of {name}: {error}") from None
    except IdentityUnusable as error:
        raise ClusterUnusable(f"the user of {name}: {error}") from None
    except ValueError:
        raise ClusterUnusable(f"the CA, the proxy or the server of {name} cannot be used") from None
    if origin.scheme == "http" and origin.host not in _LOOPBACK:
        raise ClusterUnusable(f"the server of {name} speaks plain HTTP, and is not on this machine")
    if token and not is_bearer(token):
        raise ClusterUnusable(f"the token of {name} holds what no header may hold")
    return Cluster(name=name, server=server, route=route, token=token, identity_pem=identity_pem)


def _renamed(server: str, origin: Origin, name: str) -> tuple[str, tuple[tuple[str, tuple[str, ...]], ...]]:
    """Return the URL by the name that the certificate is for, and the address that this name has for us."""
    try:
        address = str(ipaddress.ip_address(origin.host.strip("[]")))
    except ValueError:
        raise UrlRefused("tls-server-name is supported where the server is an address") from None
    path = server.partition("://")[2].partition("/")[2]
    return f"{origin.scheme}://{name}:{origin.port}{'/' if path else ''}{path}", ((name.lower(), (address,)),)
