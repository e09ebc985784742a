"""A registry read from its beginning to its end, in whichever way it lists what it has."""

import asyncio
from dataclasses import dataclass

from probes.discovery.arguments import GITHUB_API, ListingKind
from probes.discovery.asking import LIMITS, Asker, transport_here
from probes.discovery.ghcr import GitHubPackages
from probes.discovery.harbor import Harbor
from probes.discovery.login import Login
from probes.discovery.registry import Listing
from probes.policy.discovery.finding import Notebook, Place
from probes.policy.discovery.tags import TagFilter
from probes.protocol.endpoint.pattern import matches_whole
from probes.protocol.plan import Secret
from probes.protocol.reference import parse_reference
from probes.protocol.token import never_shown
from probes.protocol.urls import origin_of
from probes.wire.exchangers import ExchangeRefused, Exchanges
from probes.wire.recollection import Memories
from probes.wire.route import Route
from probes.wire.transport import GuardedTransport


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a registry is asked for: all, what `pattern` matches, or what is named. Empty is no condition."""

    host: str  # as references name it
    kind: ListingKind = ListingKind.CATALOG
    pattern: str = ""  # of whole repositories
    repositories: tuple[str, ...] = ()  # then no catalog is read
    projects: tuple[str, ...] = ()  # Harbor's
    owner: str = ""  # GitHub's
    api_url: str = ""  # GitHub's API elsewhere


async def read_registry(
    question: Question, login: Login, wanted: TagFilter, book: Notebook, *, seconds: float
) -> None:
    """Note what a registry has. What cannot be read is a gap. Raises `ValueError` where the site is not usable."""
    site = login.site
    scheme = "http" if site.plain_http else "https"
    api_host = site.api_host or parse_reference(f"{question.host}/x").api_host
    origin = question.api_url.rstrip("/") if question.kind is ListingKind.GHCR else f"{scheme}://{api_host}"
    origin = origin or GITHUB_API
    async with transport_here() as transport:
        route = Route.of(site)
        deadline = asyncio.get_running_loop().time() + seconds
        try:
            secret = await _exchanged(login.secret, transport, route, api_host, deadline)
        except ExchangeRefused as error:
            book.gap(Place(question.host), str(error))
            return
        asker = Asker(
            transport=transport,
            route=route,
            deadline=deadline,
            home=origin_of(origin),
            identity_pem=secret.client_identity,
            secrets=never_shown(secret),
        )
        if question.kind is ListingKind.HARBOR:
            harbor = Harbor(asker, host=question.host, origin=origin, secret=secret, book=book)
            await harbor.read(question.projects, question.pattern, wanted)
        elif question.kind is ListingKind.GHCR:
            packages = GitHubPackages(asker, api=origin, secret=secret, book=book)
            await packages.read(question.owner, question.pattern, wanted)
        else:
            listing = Listing(
                asker,
                host=question.host,
                origin=origin,
                secret=secret,
                trusted_hosts=site.trusted_auth_hosts,
                book=book,
            )
            await _read_catalog(question, listing, wanted)


async def _read_catalog(question: Question, listing: Listing, wanted: TagFilter) -> None:
    if question.repositories:
        await listing.read(question.repositories, wanted, is_from_catalog=False)
        return
    names = await listing.repositories()
    if question.pattern:
        names = [name for name in names if matches_whole(question.pattern, name)]
    await listing.read(names, wanted, is_from_catalog=True)


async def _exchanged(
    secret: Secret, transport: GuardedTransport, route: Route, registry: str, deadline: float
) -> Secret:
    """Return what a cloud's key is exchanged for; any other secret as it is. Raises `ExchangeRefused`."""
    if not secret.provider:
        return secret
    exchanges = Exchanges(transport, LIMITS, Memories(LIMITS).cool_downs)
    try:
        return await exchanges.login_for(secret, registry=registry, route=route, deadline=deadline, records=[])
    finally:
        await exchanges.aclose()
