"""Harbor's own listing: projects, repositories, artifacts with their tags. Source: Harbor's API, version 2.0."""

from collections.abc import AsyncIterator
from typing import Any, Final
from urllib.parse import quote

from probes.discovery.asking import MAX_PAGES, AnswerRefused, Asker
from probes.discovery.registry import MAX_REPOSITORIES, refuse_long, refuse_many
from probes.policy.discovery.finding import Notebook, Place
from probes.policy.discovery.tags import TagFilter
from probes.protocol.endpoint.pattern import matches_whole
from probes.protocol.plan import Secret
from probes.protocol.token import basic

PAGE_ITEMS: Final = 100
_IMAGE: Final = "IMAGE"


class Harbor:
    """Reads one Harbor into a notebook. `origin` is where it is, `host` how its images are called."""

    def __init__(self, asker: Asker, *, host: str, origin: str, secret: Secret, book: Notebook) -> None:
        self._asker = asker
        self._host = host
        self._api = f"{origin}/api/v2.0"
        self._headers = (("Authorization", basic(secret)),) if secret.password else ()
        self._book = book

    async def read(self, projects: tuple[str, ...], pattern: str, wanted: TagFilter) -> None:
        """Note the wanted tags of every repository that `pattern` matches. Never raises."""
        try:
            names = list(projects) or [name async for name in self._named("/projects")]
        except AnswerRefused as refused:
            self._book.gap(Place(self._host, None, "projects"), str(refused))
            return
        for project in names:
            try:
                repositories = [
                    name async for name in self._named(f"/projects/{quote(project, safe='')}/repositories")
                ]
            except AnswerRefused as refused:
                self._book.gap(Place(self._host, None, f"project {project}"), str(refused))
                continue
            for repository in repositories:
                if not pattern or matches_whole(pattern, repository):
                    await self._read_repository(project, repository, wanted)

    async def _read_repository(self, project: str, repository: str, wanted: TagFilter) -> None:
        place = Place(self._host, None, f"artifacts of {repository}")
        # What follows the project's name, with its slashes encoded twice.
        name = quote(quote(repository.removeprefix(f"{project}/"), safe=""), safe="")
        path = f"/projects/{quote(project, safe='')}/repositories/{name}/artifacts"
        tags: list[str] = []
        others = 0
        try:
            async for artifact in self._items(path, "with_tag=true"):
                if artifact.get("type", _IMAGE) != _IMAGE:
                    others += 1
                    continue
                given = [
                    tag["name"]
                    for tag in artifact.get("tags") or ()
                    if isinstance(tag, dict) and isinstance(tag.get("name"), str)
                ]
                refuse_long(given)
                tags += given
                refuse_many(tags)
        except AnswerRefused as refused:
            self._book.gap(place, str(refused))
        if others:
            self._book.note(place, f"{others} artifacts are no images")
        for tag in wanted.chosen(tags):
            self._book.image(f"{self._host}/{repository}:{tag}", place)

    async def _named(self, path: str) -> AsyncIterator[str]:
        async for item in self._items(path):
            if isinstance(name := item.get("name"), str):
                refuse_long([name])
                yield name

    async def _items(self, path: str, query: str = "") -> AsyncIterator[dict[str, Any]]:
        """Yield the items of all pages. Raises `AnswerRefused`."""
        more = f"&{query}" if query else ""
        before: Any = None
        count = 0
        for number in range(1, MAX_PAGES + 1):
            url = f"{self._api}{path}?page={number}&page_size={PAGE_ITEMS}{more}"
            page, _ = await self._asker.ask_for(url, self._headers)
            if not isinstance(page, list):
                raise AnswerRefused("the answer is no list")
            for item in page:
                if isinstance(item, dict):
                    yield item
            count += len(page)
            if count > MAX_REPOSITORIES:
                raise AnswerRefused(f"more than {MAX_REPOSITORIES:,} items")
            if len(page) < PAGE_ITEMS:
                return
            if page == before:
                raise AnswerRefused("the list goes in a circle")
            before = page
        raise AnswerRefused(f"more than {MAX_PAGES:,} pages")
