"""What is remembered and for how long, by a clock that the test turns."""

import json
from dataclasses import replace

import pytest

from probes.protocol.challenge import Challenge
from probes.protocol.conversation import Document, Done, Memory
from probes.protocol.digest import Digest
from probes.protocol.outcome import Conclusion
from probes.protocol.plan import Plan, Secret, Site
from probes.protocol.taxonomy import Reason
from probes.protocol.urls import Origin
from probes.wire.limits import Limits
from probes.wire.memory import DocumentMemory, HeadMemory, LoginKey, LoginMemory, RegistryKey
from probes.wire.recollection import Memories, Recollection
from probes.wire.route import Route
from probes.wire.shelf import Shelf

REGISTRY = RegistryKey(Origin("https", "registry.example", 443), "")
KEY = LoginKey(REGISTRY, "team/app", "")
BEARER = Challenge("bearer", (("realm", "https://auth.example/token"), ("service", "s")))
ALICE = Secret(username="alice", password="wonderland")


def login(header: str = "Bearer x", lifetime_seconds: int = 60, challenge: Challenge = BEARER) -> Memory:
    return Memory(challenge, "https://registry.example/v2/", header, lifetime_seconds)


class TestLogins:
    @pytest.fixture
    def logins(self) -> LoginMemory:
        return LoginMemory(1 << 20)

    @pytest.mark.parametrize(
        ("lifetime_seconds", "usable_seconds"),
        [(60, 54), (30, 25), (3600, 300), (300, 270), (6, 1)],
        ids=["less a tenth", "less five seconds at least", "five minutes at most", "300 s", "6 s"],
    )
    def test_token_is_used_for_less_than_its_lifetime(
        self, logins: LoginMemory, lifetime_seconds: int, usable_seconds: int
    ) -> None:
        """T17, E.2."""
        logins.learn(KEY, login(lifetime_seconds=lifetime_seconds), 1000.0)
        still, no_more = (logins.recall(KEY, 1000 + usable_seconds + moment) for moment in (-0.1, 0.0))
        assert still
        assert still.header == "Bearer x"
        assert no_more
        assert (no_more.header, no_more.challenge) == ("", BEARER)

    def test_token_too_short_lived_to_be_kept_is_never_used_again(self, logins: LoginMemory) -> None:
        """T17."""
        logins.learn(KEY, login(lifetime_seconds=5), 1000.0)
        assert logins.recall(KEY, 1000.0) == login("", 5)

    def test_challenge_is_remembered_for_an_hour(self, logins: LoginMemory) -> None:
        logins.learn(KEY, login(), 1000.0)
        assert logins.recall(KEY, 1000 + 3599)
        assert logins.recall(KEY, 1000 + 3600) is None

    def test_challenge_does_not_get_younger_by_being_used(self, logins: LoginMemory) -> None:
        """E.2: tokens are had through it all the hour, and then the registry is asked again."""
        for minute in range(0, 60, 4):
            logins.learn(KEY, login(f"Bearer {minute}", 300), 1000 + minute * 60.0)
        assert logins.recall(KEY, 1000 + 3599)
        assert logins.recall(KEY, 1000 + 3601) is None

    def test_other_challenge_takes_the_place_of_the_former(self, logins: LoginMemory) -> None:
        """C20."""
        other = Challenge("basic", (("realm", "r"),))
        logins.learn(KEY, login(), 1000.0)
        logins.learn(KEY, login(challenge=other), 1000 + 3000.0)
        found = logins.recall(KEY, 1000 + 6000)
        assert found
        assert found.challenge == other

    def test_refused_login_is_forgotten(self, logins: LoginMemory) -> None:
        logins.learn(KEY, login(), 1000.0)
        logins.forget(KEY, login())
        assert logins.recall(KEY, 1001.0) is None

    def test_refusal_of_an_old_login_takes_no_new_one_away(self, logins: LoginMemory) -> None:
        logins.learn(KEY, login("Bearer new"), 1000.0)
        logins.forget(KEY, login("Bearer old"))
        assert logins.recall(KEY, 1001.0) == login("Bearer new")

    def test_logins_are_bounded_in_bytes(self) -> None:
        logins = LoginMemory(64 * 1024)
        for number in range(1000):
            logins.learn(LoginKey(REGISTRY, f"team/app-{number}", ""), login("Bearer " + "x" * 4096), 1000.0)
        kept = [n for n in range(1000) if logins.recall(LoginKey(REGISTRY, f"team/app-{n}", ""), 1000.0)]
        assert kept == list(range(1000 - len(kept), 1000))
        assert 10 < len(kept) < 16


class TestKeys:
    """E.2: a login is for one registry origin, repository, secret and route."""

    @staticmethod
    def recalled(first: Plan, second: Plan, secrets: tuple[Secret, Secret] = (ALICE, ALICE)) -> Memory | None:
        memories = Memories(Limits())
        plans = zip((first, second), secrets, strict=True)
        before, after = (Recollection(memories, plan, secret, Route.of(plan.site)) for plan, secret in plans)
        before.learn(Done(Conclusion(reason=Reason.OK, canonical=""), login(lifetime_seconds=300)), 1000.0)
        return after.login(1001.0)

    @pytest.mark.parametrize(
        ("reference", "site"),
        [
            ("registry.example/team/app:2", Site()),
            ("registry.example:443/team/app@sha256:" + "0" * 64, Site()),
            ("other.example/team/app", Site(api_host="registry.example")),
        ],
        ids=["another tag", "the scheme's own port", "the API's host"],
    )
    def test_login_serves_the_repository_however_it_is_named(self, reference: str, site: Site) -> None:
        assert self.recalled(Plan(reference="registry.example/team/app:1"), Plan(reference=reference, site=site))

    @pytest.mark.parametrize(
        ("reference", "site"),
        [
            ("registry.example/team/other:1", Site()),
            ("registry.example:5000/team/app:1", Site()),
            ("registry.example/team/app:1", Site(plain_http=True)),
            ("registry.example/team/app:1", Site(allow_cidrs=("10.0.0.0/8",))),
            ("registry.example/team/app:1", Site(api_host="mirror.example")),
        ],
        ids=["repository", "port", "scheme", "route", "host"],
    )
    def test_login_serves_no_other(self, reference: str, site: Site) -> None:
        assert not self.recalled(Plan(reference="registry.example/team/app:1"), Plan(reference=reference, site=site))

    @pytest.mark.parametrize(
        ("hosts", "serves"),
        [(("auth.example",), False), ((), False), (("B.example", "a.example"), True)],
        ids=["other hosts", "none any more", "the same in other words"],
    )
    def test_login_ends_with_the_trust_in_the_hosts_that_gave_it(
        self, hosts: tuple[str, ...], *, serves: bool
    ) -> None:
        """T5, S1: an operator who withdraws it does not wait for tokens and challenges to run out."""
        plan = Plan(reference="registry.example/app", site=Site(trusted_auth_hosts=("a.example", "b.example")))
        assert bool(self.recalled(plan, replace(plan, site=Site(trusted_auth_hosts=hosts)))) is serves

    def test_login_serves_its_secret_alone(self) -> None:
        """S21."""
        plan = Plan(reference="registry.example/team/app:1")
        assert not self.recalled(plan, plan, (ALICE, Secret(username="alice", password="looking-glass")))
        assert not self.recalled(plan, plan, (ALICE, Secret()))

    def test_fresh_plan_recalls_no_login(self) -> None:
        plan = Plan(reference="registry.example/team/app:1")
        assert not self.recalled(plan, Plan(reference=plan.reference, fresh=True))


class TestDocuments:
    @staticmethod
    def document(number: int, size: int = 1000) -> Document:
        body = json.dumps({"n": number}).encode().ljust(size)
        return Document(str(Digest.of(body)), body, "application/json")

    def test_document_is_read_as_it_was_kept(self) -> None:
        memory = DocumentMemory(1 << 20)
        memory.keep(self.document(1))
        reading = memory.reading()
        assert reading[self.document(1).digest] == self.document(1)
        assert self.document(2).digest not in reading
        assert (list(reading), len(reading)) == ([self.document(1).digest], 1)

    def test_bytes_of_another_digest_are_not_kept(self) -> None:
        """S12."""
        memory = DocumentMemory(1 << 20)
        with pytest.raises(ValueError, match="not the bytes of sha256:"):
            memory.keep(Document(self.document(1).digest, b"{}"))
        assert memory.weight == 0

    def test_documents_are_bounded_in_bytes(self) -> None:
        memory = DocumentMemory(64 * 1024)
        made = [self.document(number) for number in range(200)]
        for document in made:
            memory.keep(document)
            assert memory.weight <= 64 * 1024
        reading = memory.reading()
        assert made[0].digest not in reading
        assert made[-1].digest in reading

    def test_document_in_use_stays_when_others_go(self) -> None:
        memory = DocumentMemory(8 * 1024)
        made = [self.document(number) for number in range(50)]
        memory.keep(made[0])
        for document in made[1:]:
            memory.keep(document)
            memory.keep(made[0])
        assert made[0].digest in memory.reading()

    def test_document_larger_than_the_memory_is_not_kept(self) -> None:
        memory = DocumentMemory(8 * 1024)
        memory.keep(self.document(1))
        memory.keep(self.document(2, size=9000))
        assert self.document(1).digest in memory.reading()
        assert self.document(2).digest not in memory.reading()

    def test_one_check_reads_the_same_to_its_end(self) -> None:
        """A conversation that is replayed must meet what it met."""
        memory = DocumentMemory(2 * 1024)
        first, second = self.document(1), self.document(2)
        memory.keep(first)
        reading = memory.reading()
        assert reading.get(first.digest)
        assert reading.get(second.digest) is None
        memory.keep(second)
        assert first.digest not in memory.reading()
        assert reading.get(first.digest)
        assert reading.get(second.digest) is None


class TestHeads:
    def test_refusal_of_head_is_remembered_for_a_day(self) -> None:
        """M6."""
        heads = HeadMemory(10)
        heads.learn(REGISTRY, 1000.0)
        assert heads.is_refused(REGISTRY, 1000 + 24 * 3600 - 1)
        assert not heads.is_refused(REGISTRY, 1000 + 24 * 3600)
        assert not heads.is_refused(RegistryKey(Origin("https", "registry.example", 5000), ""), 1001.0)

    def test_registries_are_bounded_in_number(self) -> None:
        heads = HeadMemory(10)
        made = [RegistryKey(Origin("https", f"r{number}.example", 443), "") for number in range(100)]
        for registry in made:
            heads.learn(registry, 1000.0)
        assert [heads.is_refused(registry, 1001.0) for registry in made] == [False] * 90 + [True] * 10


class TestShelf:
    def test_what_was_not_asked_for_longest_makes_room(self) -> None:
        shelf: Shelf[str, int] = Shelf(3)
        for at, key in enumerate("abc"):
            shelf.put(key, at)
        shelf.get("a")
        shelf.put("d", 3)
        assert ["b" in shelf, "a" in shelf, len(shelf), shelf.weight] == [False, True, 3, 3]

    def test_weight_follows_what_is_put_replaced_and_dropped(self) -> None:
        shelf: Shelf[str, int] = Shelf(10)
        weights = []
        for key, weight in (("a", 4), ("a", 6), ("b", None), ("b", 11), ("b", 5), ("b", None)):
            if weight is None:
                shelf.drop(key)
            else:
                shelf.put(key, 1, weight)
            weights.append(shelf.weight)
        assert weights == [4, 6, 6, 6, 5, 0]
