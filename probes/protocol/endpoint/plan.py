"""What to ask an HTTP endpoint, and what its answer has to be."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final, Literal, Self, get_args

from probes.protocol import versions
from probes.protocol.endpoint.statuses import ANY_SUCCESS
from probes.protocol.exchange import Method
from probes.protocol.outcome import Kind
from probes.protocol.plan import DEFAULT_TIMEOUT_SECONDS, Site
from probes.protocol.shape import MISFITS, count, items, number, one_of, text
from probes.protocol.urls import HIDDEN, UrlRefused, origin_of, redact

KIND: Final[Kind] = "http"
AUTHORIZATION: Final = "Authorization"

TlsMinimum = Literal["1.2", "1.3"]
OLDEST_TLS: Final[TlsMinimum] = "1.2"

_ANYWHERE: Final = Site()
_USER: Final = re.compile(r"^([^/?#]*//)[^/?#]*@")


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What a reply has to be. Of what is empty or 0, nothing is expected.

    `json_equals` is JSON text of one value, which every value that `json_path` leads to must be; without it, there
    must be one at all. `latency_ms` is how long the answer may take, redirects and connecting included;
    `certificate_days` how long each certificate on the way must be good for.
    """

    statuses: str = ANY_SUCCESS
    contains: str = ""
    matches: str = ""
    json_path: str = ""
    json_equals: str = ""
    latency_ms: int = 0
    certificate_days: int = 0

    @property
    def is_of_body(self) -> bool:
        """Tell whether anything is expected of the body."""
        return bool(self.contains or self.matches or self.json_path)

    def to_json(self) -> dict[str, Any]:
        """Return what differs from the defaults, by field."""
        values = ((item.name, item.default, getattr(self, item.name)) for item in fields(self))
        return {name: value for name, default, value in values if value != default}

    @classmethod
    def from_json(cls, document: Any) -> Self:
        """Return the expectation that `document` describes. Raises one of `MISFITS`."""
        return cls(
            statuses=text(document.get("statuses", ANY_SUCCESS)),
            contains=text(document.get("contains", "")),
            matches=text(document.get("matches", "")),
            json_path=text(document.get("json_path", "")),
            json_equals=text(document.get("json_equals", "")),
            latency_ms=count(document.get("latency_ms", 0)),
            certificate_days=count(document.get("certificate_days", 0)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointPlan:
    """One check of an endpoint to be made: frozen, JSON-serialisable, like `Plan` for an image.

    Headers and body travel in clear within the signed batch and go to the URL's own origin only; a login is named by
    `secret_key`. It goes into `login_header`: into `Authorization` as Basic or Bearer, into any other as it is.
    What of `site` concerns registries alone has no effect.
    """

    url: str = field(repr=False)
    method: Method = "GET"
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    body: str = field(default="", repr=False)
    follow_redirects: bool = True
    expect: Expectation = Expectation()
    tls_minimum: TlsMinimum = OLDEST_TLS
    login_header: str = AUTHORIZATION
    site: Site = _ANYWHERE
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS
    fresh: bool = False  # dial each origin anew once
    secret_key: str = ""
    key: str = ""
    slot: str = ""

    @property
    def kind(self) -> Kind:
        return KIND

    @property
    def reference(self) -> str:
        """The URL as it may be shown, also one that is refused for the login in it."""
        return redact(_USER.sub(rf"\1{HIDDEN}@", self.url, count=1))

    @property
    def host(self) -> str:
        """Whom a credential must be for: host, and port unless it is the scheme's; nothing where the URL is none."""
        try:
            return origin_of(self.url).netloc
        except UrlRefused:
            return ""

    @property
    def path(self) -> str:
        """The URL's path without its first slash: what a credential's prefix is held against."""
        return self.url.partition("?")[0].partition("://")[2].partition("/")[2]

    @property
    def is_login_as_it_is(self) -> bool:
        """Tell whether a login goes into its header bare, without the scheme that `Authorization` wants."""
        return self.login_header.lower() != AUTHORIZATION.lower()

    @property
    def reach(self) -> Site:
        """The site as the wire has it: the URL itself says whether it is plain HTTP."""
        return replace(self.site, plain_http=self.url.startswith("http:"))

    def to_json(self, version: int = versions.NEWEST) -> dict[str, Any]:
        """Return the plan as JSON values; fields at their default are left out.

        Raises `ValueError` for a version in which there are no plans of endpoints.
        """
        if version < versions.ENDPOINTS_SINCE:
            raise ValueError(f"a plan of an endpoint in version {version}")
        document: dict[str, Any] = {**versions.mark(version), "kind": KIND, "url": self.url}
        document["site"] = self.site.to_json()
        document["timeout_seconds"] = self.timeout_seconds
        if self.headers:
            document["headers"] = [list(header) for header in self.headers]
        if not self.follow_redirects:
            document["follow_redirects"] = False
        if expected := self.expect.to_json():
            document["expect"] = expected
        return document | dict(self._plain())

    def _plain(self) -> Iterator[tuple[str, Any]]:
        """Yield the fields that travel as they are, where they are not at their default."""
        for item in fields(self):
            value = getattr(self, item.name)
            if item.name in _PLAIN and value != item.default:
                yield item.name, value

    @classmethod
    def from_json(cls, document: Any) -> Self:
        """Return the plan that `document` describes. Raises `ValueError` when it is not one."""
        try:
            if versions.of(document) < versions.ENDPOINTS_SINCE:
                raise ValueError("of a version without endpoints")
            one_of(document["kind"], (KIND,))
            return cls(
                url=text(document["url"]),
                method=_method(document.get("method", "GET")),
                headers=tuple(_header(item) for item in items(document.get("headers", []))),
                body=text(document.get("body", "")),
                follow_redirects=document.get("follow_redirects", True) is not False,
                expect=Expectation.from_json(document.get("expect", {})),
                tls_minimum=_tls(document.get("tls_minimum", OLDEST_TLS)),
                login_header=text(document.get("login_header", AUTHORIZATION)),
                site=Site.from_json(document.get("site", {})),
                timeout_seconds=number(document.get("timeout_seconds", DEFAULT_TIMEOUT_SECONDS)),
                fresh=document.get("fresh", False) is True,
                secret_key=text(document.get("secret_key", "")),
                key=text(document.get("key", "")),
                slot=text(document.get("slot", "")),
            )
        except MISFITS as error:
            raise ValueError(f"not a plan of an endpoint: {type(error).__name__} {error}") from error


_PLAIN: Final = frozenset({"method", "body", "tls_minimum", "login_header", "fresh", "secret_key", "key", "slot"})


def is_endpoint(document: Any) -> bool:
    """Tell whether the document of a plan is of an endpoint."""
    return isinstance(document, Mapping) and "kind" in document


def _method(value: object) -> Method:
    method: Method = one_of(value, get_args(Method))
    return method


def _tls(value: object) -> TlsMinimum:
    minimum: TlsMinimum = one_of(value, get_args(TlsMinimum))
    return minimum


def _header(value: object) -> tuple[str, str]:
    name, content = items(value)
    return text(name), text(content)
