"""The container packages of an owner at GitHub, whose registry has no catalog.

Source: GitHub's REST API for packages, version 2022-11-28. It wants a classic token with `read:packages`.
"""

from collections.abc import AsyncIterator
from typing import Any, Final
from urllib.parse import quote

from probes.discovery.asking import MAX_PAGES, AnswerRefused, Asker
from probes.discovery.registry import MAX_REPOSITORIES, next_link, refuse_long, refuse_many
from probes.policy.discovery.finding import Notebook, Place
from probes.policy.discovery.tags import TagFilter
from probes.protocol.endpoint.pattern import matches_whole
from probes.protocol.exchange import Reply
from probes.protocol.plan import Secret

HOST: Final = "ghcr.io"
PAGE_ITEMS: Final = 100
_OWNERS: Final = ("orgs", "users")


class GitHubPackages:
    """Reads the packages of one owner into a notebook."""

    def __init__(self, asker: Asker, *, api: str, secret: Secret, book: Notebook) -> None:
        self._asker = asker
        self._api = api.rstrip("/")
        token = secret.bearer or secret.password
        self._headers = (
            ("Accept", "application/vnd.github+json"),
            ("X-GitHub-Api-Version", "2022-11-28"),
            *((("Authorization", f"Bearer {token}"),) if token else ()),
        )
        self._book = book

    async def read(self, owner: str, pattern: str, wanted: TagFilter) -> None:
        """Note the wanted tags of every package that `pattern` matches, as OWNER/PACKAGE. Never raises."""
        place = Place(HOST, None, f"packages of {owner}")
        try:
            root, packages = await self._packages(owner)
        except AnswerRefused as refused:
            self._book.gap(place, _explained(refused))
            return
        for package in packages:
            repository = f"{owner.lower()}/{package}"
            if pattern and not matches_whole(pattern, repository):
                continue
            at = Place(HOST, None, f"versions of {repository}")
            tags: list[str] = []
            try:
                async for version in self._items(f"{root}/packages/container/{quote(package, safe='')}/versions"):
                    tags += _tags(version)
                    refuse_many(tags)
            except AnswerRefused as refused:
                self._book.gap(at, _explained(refused))
            for tag in wanted.chosen(tags):
                self._book.image(f"{HOST}/{repository}:{tag}", at)

    async def _packages(self, owner: str) -> tuple[str, list[str]]:
        """Return the address of an organisation or a user, and its packages' names. Raises `AnswerRefused`."""
        for number, kind in enumerate(_OWNERS):
            root = f"/{kind}/{quote(owner, safe='')}"
            try:
                listed = self._items(f"{root}/packages", "package_type=container&")
                names = [name async for item in listed if isinstance(name := item.get("name"), str)]
            except AnswerRefused as refused:
                if refused.status != 404 or number == len(_OWNERS) - 1:
                    raise
            else:
                refuse_long(names)
                return root, names
        raise AssertionError("one of the two returns or raises")

    async def _items(self, path: str, query: str = "") -> AsyncIterator[dict[str, Any]]:
        """Yield the items of all pages. Raises `AnswerRefused`."""
        count = 0
        for number in range(1, MAX_PAGES + 1):
            url = f"{self._api}{path}?{query}per_page={PAGE_ITEMS}&page={number}"
            page, reply = await self._asker.ask_for(url, self._headers)
            if not isinstance(page, list):
                raise AnswerRefused("the answer is no list")
            for item in page:
                if isinstance(item, dict):
                    yield item
            if not _has_more(reply) or not page:
                return
            count += len(page)
            if count > MAX_REPOSITORIES:
                raise AnswerRefused(f"more than {MAX_REPOSITORIES:,} items")
        raise AnswerRefused(f"more than {MAX_PAGES:,} pages")


def _has_more(reply: Reply) -> bool:
    return bool(next_link(reply.headers.all("link")))


def _tags(version: dict[str, Any]) -> list[str]:
    metadata = version.get("metadata")
    container = metadata.get("container") if isinstance(metadata, dict) else None
    tags = container.get("tags") if isinstance(container, dict) else None
    found = [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []
    refuse_long(found)
    return found


def _explained(refused: AnswerRefused) -> str:
    if refused.status in (401, 403):
        return f"{refused}: it wants a classic token with read:packages, or its hourly limit is reached"
    return str(refused)
