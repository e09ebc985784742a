"""A registry's repositories and tags: `_catalog` and `tags/list`, page by page.

Source: distribution specification 1.1, "listing tags"; distribution's API for `_catalog`. The login is that of
checks: challenges, trust in realms and tokens are read by `probes.protocol`.
"""

import asyncio
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from probes.discovery.asking import MAX_PAGES, AnswerRefused, Asker, read_page
from probes.policy.discovery.finding import Notebook, Place
from probes.policy.discovery.tags import TagFilter
from probes.protocol.challenge import parse_challenges
from probes.protocol.exchange import Reply
from probes.protocol.plan import Secret
from probes.protocol.reference import ReferenceInvalid, parse_reference
from probes.protocol.token import (
    LoginRefused,
    basic,
    preferred,
    pull_scope,
    read_token,
    refresh_form,
    token_query,
    trusted_realm,
)
from probes.protocol.urls import UrlRefused, origin_of, resolve_url

PAGE_ITEMS: Final = 1000
AT_ONCE: Final = 4
"""Lists of tags that are asked for at the same time."""

MAX_REPOSITORIES: Final = 100_000
MAX_TAGS: Final = 100_000
"""Of one repository."""

CATALOG_SCOPE: Final = "registry:catalog:*"
LONGEST_NAME: Final = 300
"""Of a repository or tag: those that can be pulled are shorter."""

_IDLE_PAGES: Final = 3


class Listing:
    """Reads one registry into a notebook. `origin` is where its API is, `host` how its images are called."""

    def __init__(
        self, asker: Asker, *, host: str, origin: str, secret: Secret, trusted_hosts: tuple[str, ...], book: Notebook
    ) -> None:
        self._asker = asker
        self._host = host
        self._origin = origin
        self._secret = secret
        self._trusted_hosts = trusted_hosts
        self._book = book
        self._headers: dict[str, str] = {}  # by scope

    async def repositories(self) -> list[str]:
        """Return the repositories of the catalog. Where that breaks off, a gap is noted, and what came returned."""
        place = Place(self._host, None, "catalog")
        found, broken = await self._pages(
            f"{self._origin}/v2/_catalog?n={PAGE_ITEMS}", CATALOG_SCOPE, "repositories", MAX_REPOSITORIES
        )
        if broken is not None:
            hint = (
                "; name repositories, as not every registry has a catalog" if broken.status in (401, 403, 404) else ""
            )
            self._book.gap(place, f"{broken}{hint}")
        return found

    async def read(self, repositories: Sequence[str], wanted: TagFilter, *, is_from_catalog: bool) -> None:
        """Note the wanted tags of each repository. Never raises: what cannot be read is a gap."""
        seats = asyncio.Semaphore(AT_ONCE)
        repositories = [name for name in repositories if self._is_repository(name)]

        async def tags_of(repository: str) -> tuple[list[str], AnswerRefused | None]:
            async with seats:
                first = f"{self._origin}/v2/{repository}/tags/list?n={PAGE_ITEMS}"
                return await self._pages(first, pull_scope(repository), "tags", MAX_TAGS)

        answers = await asyncio.gather(*map(tags_of, repositories))
        for repository, (tags, broken) in zip(repositories, answers, strict=True):
            place = Place(self._host, None, f"tags of {repository}")
            if broken is not None and broken.status == 404 and is_from_catalog:
                self._book.note(place, "it is in the catalog and has no tags")
            elif broken is not None:
                self._book.gap(place, str(broken))
            if broken is None and not tags:
                self._book.note(place, "it has no tags")
            for tag in wanted.chosen(tags):
                self._book.image(f"{self._host}/{repository}:{tag}", place)

    def _is_repository(self, name: str) -> bool:
        """Tell whether this may stand in a path. What a catalog names is the registry's choice."""
        try:
            is_one = parse_reference(f"{self._host}/{name}:x").repository == name
        except ReferenceInvalid:
            is_one = False
        if not is_one:
            self._book.gap(Place(self._host, None, "catalog"), f"{name[:100]!a} is no repository")
        return is_one

    async def _pages(self, first: str, scope: str, member: str, most: int) -> tuple[list[str], AnswerRefused | None]:
        """Return all names of a list, and what broke it off. A page that brings nothing new is no reason to go on."""
        found: dict[str, None] = {}
        url, seen, idle = first, {first}, 0
        for _ in range(MAX_PAGES):
            try:
                reply = await self._ask(url, scope)
                names = _names(read_page(reply), member)
                following = self._next(url, reply)
            except AnswerRefused as refused:
                return list(found), refused
            before = len(found)
            found.update(dict.fromkeys(names))
            if not following:
                return list(found), None
            idle = idle + 1 if len(found) == before else 0
            if following in seen or idle >= _IDLE_PAGES:
                return list(found), AnswerRefused("the list goes in a circle")
            if len(found) > most:
                return list(found), AnswerRefused(f"more than {most:,} {member}")
            seen.add(following)
            url = following
        return list(found), AnswerRefused(f"more than {MAX_PAGES:,} pages")

    def _next(self, url: str, reply: Reply) -> str:
        """Return the URL of the next page, always at our own origin, whatever host or scheme its link names.

        Registries behind a proxy name themselves as the proxy knows them. Raises `AnswerRefused`.
        """
        link = next_link(reply.headers.all("link"))
        if not link:
            return ""
        try:
            parts = urlsplit(resolve_url(url, link))
        except UrlRefused as error:
            raise AnswerRefused(f"the link to the next page: {error}") from None
        if not parts.path.startswith("/v2/"):
            raise AnswerRefused("the link to the next page leads out of the API")
        return f"{self._origin}{parts.path}{'?' if parts.query else ''}{parts.query}"

    async def _ask(self, url: str, scope: str) -> Reply:
        """Return a reply with status 200, after logging in where that is wanted. Raises `AnswerRefused`."""
        header = f"Bearer {self._secret.bearer}" if self._secret.bearer else self._headers.get(scope, "")
        reply = await self._asker.ask(url, (("Authorization", header),) if header else ())
        if reply.status == 401 and not self._secret.bearer:
            try:
                header = await self._logged_in(url, scope, reply)
            except LoginRefused as refused:
                detail = f": {refused.detail}" if refused.detail else ""
                raise AnswerRefused(f"{refused.reason.value.replace('_', ' ')}{detail}", 401) from None
            self._headers[scope] = header
            reply = await self._asker.ask(url, (("Authorization", header),))
        if reply.status != 200:
            raise self._asker.refusal(reply)
        return reply

    async def _logged_in(self, url: str, scope: str, refused: Reply) -> str:
        """Return the Authorization value that a 401 asks for. Raises `LoginRefused`, `AnswerRefused`."""
        challenge = preferred(parse_challenges(refused.headers.all("www-authenticate")), self._secret)
        if challenge.scheme == "basic":
            if not self._secret.password:
                raise self._asker.refusal(refused)
            return basic(self._secret)
        realm = trusted_realm(
            challenge,
            sent_by=url,
            registry=origin_of(self._origin),
            secret=self._secret,
            trusted_hosts=self._trusted_hosts,
        )
        if self._secret.refresh_token:
            form = refresh_form(realm, scope, self._secret)
            reply = await self._asker.post(realm.url, form)
        else:
            login = (("Authorization", basic(self._secret)),) if self._secret.password else ()
            reply = await self._asker.ask(token_query(realm, scope), login)
        if reply.status != 200:
            raise self._asker.refusal(reply)
        token = read_token(reply.body, reply.received_at).value
        self._asker.secrets = (*self._asker.secrets, token)
        return f"Bearer {token}"


def next_link(lines: Sequence[str]) -> str:
    """Return the target of the `Link` with `rel="next"`, or nothing (RFC 8288)."""
    for line in lines:
        for part in line.split(","):
            target, _, parameters = part.strip().partition(">")
            rels = [item.strip().replace('"', "").lower() for item in parameters.split(";")]
            if target.startswith("<") and "rel=next" in rels:
                return target[1:]
    return ""


def _names(document: Any, member: str) -> list[str]:
    names = document.get(member, ()) if isinstance(document, dict) else None
    if isinstance(document, dict) and names is None:
        return []  # as some registries write that there are none
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise AnswerRefused(f"the answer holds no list of {member}")
    refuse_long(names)
    return names


def refuse_long(names: Iterable[str]) -> None:
    """Raise `AnswerRefused` where one of these is longer than any name that can be pulled."""
    if any(len(name) > LONGEST_NAME for name in names):
        raise AnswerRefused(f"there is a name of more than {LONGEST_NAME} characters")


def refuse_many(tags: Collection[str]) -> None:
    """Raise `AnswerRefused` where a repository has more tags than are read."""
    if len(tags) > MAX_TAGS:
        raise AnswerRefused(f"more than {MAX_TAGS:,} tags")
