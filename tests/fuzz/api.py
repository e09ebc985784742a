"""The API of a real server, asked by schemathesis for all that its description allows, and for what it does not.

Whoever asks changes from case to case (`holders`). First those ask who see one group alone, so that nobody else can
have moved what is foreign into it; then those who see everything. Of each answer it must hold that

- it is no fault of ours, and its status, media type and shape are in the description;
- what is refused is told by a problem document with a code of the table;
- nothing that is bad is taken;
- nobody does what no scope of the token allows;
- it tells nobody of what is foreign, unless the request has named it.
"""

import json
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import requests
import schemathesis
from requests.auth import AuthBase
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import AcceptedNegativeData, Failure
from schemathesis.core.media_types import YAML_MEDIA_TYPES
from schemathesis.engine import Status, events, from_schema
from schemathesis.engine.recorder import ScenarioRecorder

from api.codes import MEDIA_TYPE, PROBLEMS, TYPE_PREFIX
from tests.fuzz.holders import FAR, FOREIGN, Holder
from tests.fuzz.stage import Stage

IDS: Final = list(range(1, 13))
"""There are so few rows that most numbers to this one are something."""

CHECKED: Final = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "missing_required_header",
    "unsupported_method",
    "allow_header_conformance",
    "refusals_are_problems",
    "scopes_are_held",
    "nothing_foreign_is_told",
)

_OF_ALL_REGIONS: Final = "/verdict"
"""A verdict is over all regions, and told in full to whoever may see some of them (ADR 37)."""


_OF_MANY: Final = "/bulk"
"""Answers 200 with a result of each item."""

_REFUSALS: Final = ["400", "401", "403", "404", "405", "406", "409", "412", "413", "415", "422", "429", "503"]
"""What bad data may be answered with. A precondition is looked at before the body is, and so are size and rate."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What did not hold of an answer, and the `curl` that asks for it again."""

    operation: str
    check: str
    holder: str
    message: str
    curl: str

    def __str__(self) -> str:
        return f"{self.operation}: {self.check}, asked by: {self.holder}\n{self.message}\n{self.curl}"


@dataclass(slots=True)
class Tally:
    """What was asked so far: how often, and which operations gave which statuses."""

    requests: int = 0
    answers: set[tuple[str, int]] = field(default_factory=set)


class Asking(AuthBase):
    """Puts a holder's token on each request: which one is a matter of what is asked, so that a repetition is one."""

    def __init__(self, holders: tuple[Holder, ...]) -> None:
        self._holders = [holder for holder in holders for _ in range(holder.weight)]
        self.of = {holder.text: holder for holder in holders}

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        asked = f"{request.method} {request.url} {request.body!r}"
        holder = self._holders[zlib.crc32(asked.encode()) % len(self._holders)]
        if holder.text:
            request.headers["Authorization"] = f"Bearer {holder.text}"
        return request

    def who(self, request: requests.PreparedRequest) -> Holder:
        return self.of[str(request.headers.get("Authorization", "")).removeprefix("Bearer ")]


_asking: Asking
_addresses: frozenset[str] = frozenset()


@schemathesis.deserializer(*YAML_MEDIA_TYPES)
def as_text(_context: schemathesis.DeserializationContext, response: schemathesis.Response) -> str:
    """Return documents as the text that the description says they are.

    Schemathesis would read them as one document, and a stream of several ends the thread that asks: unnoticed.
    """
    return response.text


@schemathesis.hook
def before_call(_context: schemathesis.HookContext, _case: schemathesis.Case[Any], kwargs: dict[str, Any]) -> None:
    kwargs["auth"] = _asking


@schemathesis.hook
def filter_failure(
    _context: schemathesis.HookContext,
    failure: Failure,
    case: schemathesis.Case[Any],
    response: schemathesis.Response,
) -> bool:
    """Leave out what the web server refuses before there is a request: a line that is longer than it reads.

    And what is bad in one of many items: that is told by the item. And an address whose word for a row is another
    address, such as `/resources/bulk`, which does not take the method.
    """
    is_told_by_item = (
        isinstance(failure, AcceptedNegativeData)
        and case.operation.path.endswith(_OF_MANY)
        and bool(response.json()["failed"])
    )
    is_another = response.status_code == 405 and urlsplit(str(response.request.url)).path in _addresses - {
        case.operation.path
    }
    return response.status_code != 414 and not is_told_by_item and not is_another


@schemathesis.check
def refusals_are_problems(
    _ctx: schemathesis.CheckContext, response: schemathesis.Response, _case: schemathesis.Case[Any]
) -> None:
    if response.status_code < 400 or response.status_code == 414:
        return
    (media_type,) = response.headers["content-type"]
    assert media_type == MEDIA_TYPE, f"{response.status_code} as {media_type}"
    try:
        problem = response.json()
    except ValueError:
        problem = None
    assert isinstance(problem, dict), "no JSON object"
    code = str(problem.get("code"))
    assert code in PROBLEMS, f"no code of the table: {problem}"
    kind = PROBLEMS[code]
    wanted = {"status": response.status_code, "type": TYPE_PREFIX + code, "title": kind.title}
    assert kind.status == response.status_code, problem
    assert problem.items() >= wanted.items(), problem
    assert problem.get("detail"), problem
    if code == "invalid":
        assert problem.get("errors"), problem


@schemathesis.check
def scopes_are_held(
    _ctx: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case[Any]
) -> None:
    security = case.operation.definition.raw.get("security", [])
    is_for_everybody = {} in security
    needed = set() if is_for_everybody else {scope for way in security for scope in way.get("token", ())}
    is_described = response.request.method == case.operation.method.upper()  # and not what is said of OPTIONS
    if needed and is_described and response.status_code < 400:
        holder = _asking.who(response.request)
        assert needed & holder.scopes, f"{holder.name} got {response.status_code} without any of {sorted(needed)}"


@schemathesis.check
def nothing_foreign_is_told(
    _ctx: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case[Any]
) -> None:
    holder = _asking.who(response.request)
    asked = f"{response.request.url} {response.request.body!r}"
    for word in (FOREIGN, FAR):
        is_told = holder.is_limited and word.encode() in response.content and word not in asked
        is_of_all_regions = word == FAR and case.operation.path.endswith(_OF_ALL_REGIONS)
        assert not is_told or is_of_all_regions, f"{holder.name} is told of {word}"


@contextmanager
def no_thread_lost() -> Iterator[None]:
    """Raise what a thread ended with in the meantime.

    Schemathesis asks in threads, and takes what one of them did until it broke down for all that there was to ask.
    """
    before, ends = threading.excepthook, list[BaseException]()
    threading.excepthook = lambda end: ends.append(end.exc_value) if end.exc_value else None
    try:
        yield
    finally:
        threading.excepthook = before
    for end in ends:
        raise end


def faults(
    stage: Stage, tally: Tally, *, seconds: float, seed: int, thorough: bool, by_chance: bool = True
) -> Iterator[Fault]:
    """Yield what does not hold, for so long, of which either kind of holders has a half.

    `thorough` has each limit of each field tried besides what chance gives, and follows what an answer leads to.
    Where nothing is left to chance it ends by itself, and tells the same each time.
    """
    global _asking, _addresses  # noqa: PLW0603 - hooks of schemathesis are the process's
    description = requests.get(f"{stage.url}/api/v1/schema/?format=json", timeout=30).text
    _addresses = frozenset(json.loads(description)["paths"])
    for limited in (True, False):
        _asking = Asking(tuple(holder for holder in stage.holders if holder.is_limited is limited))
        config = _config(stage.url, seconds=seconds / 2, seed=seed, thorough=thorough, by_chance=by_chance)
        schema = schemathesis.openapi.from_dict(json.loads(description), config=config)
        with no_thread_lost():
            for event in from_schema(schema).execute():
                if isinstance(event, events.ScenarioFinished):
                    for case in event.recorder.find_all_cases():
                        if (answer := event.recorder.find_response(case_id=case.id)) is not None:
                            tally.requests += 1
                            tally.answers.add((event.recorder.label, answer.status_code))
                    yield from _of(event.recorder)
                elif isinstance(event, events.FatalError):
                    raise event.exception
                elif isinstance(event, events.NonFatalError):
                    raise event.value


def _config(url: str, *, seconds: float, seed: int, thorough: bool, by_chance: bool) -> SchemathesisConfig:
    word = {"values": ["ours", "theirs", "eu-west", "ap-south", FAR, f"{FOREIGN}-group"]}
    names = {"dictionary": "names", "probability": 0.7}
    return SchemathesisConfig.from_dict(
        {
            "seed": seed,
            "max-time": max(1, round(seconds)),
            "suppress-health-check": ["all"],
            "base-url": url,
            "continue-on-failure": True,
            "request-timeout": 30,
            "generation": {
                "max-examples": 20 if thorough else 1,  # of an operation, before the next has its turn
                "no-shrink": True,
                "database": "none",
                "with-security-parameters": False,
            },
            "dictionaries": {"ids": {"values": IDS}, "names": word},
            "parameters": {
                "path.id": {"dictionary": "ids", "probability": 0.7},
                "path.slug": names,
                "query.group": names,
                "query.region": names,
                "query.resource": {"dictionary": "ids", "probability": 0.7},
            },
            "phases": {
                "examples": {"enabled": thorough},
                "coverage": {"enabled": thorough},
                "fuzzing": {"enabled": by_chance},
                "stateful": {"enabled": thorough and by_chance},
            },
            "checks": {
                "enabled": False,
                **{name: {"enabled": True} for name in CHECKED},
                "negative_data_rejection": {"enabled": True, "expected-statuses": _REFUSALS},
            },
        }
    )


def _of(recorder: ScenarioRecorder) -> Iterator[Fault]:
    for case_id, checks in recorder.checks.items():
        for check in checks:
            if check.status == Status.ERROR:
                yield Fault(recorder.label, check.name, "", "the check itself failed", "")
            if check.failure_info is None:
                continue
            failure = check.failure_info.failure
            answer = recorder.find_response(case_id=failure.case_id or case_id)
            holder = _asking.who(answer.request).name if answer else ""
            body = answer.text[:1500] if answer else ""
            message = f"{failure}\n{answer.status_code if answer else ''} {body}"
            yield Fault(recorder.label, check.name, holder, message, check.failure_info.code_sample)
