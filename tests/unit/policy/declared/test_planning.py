"""What has to be done follows from what is declared and what is stored, and from nothing else."""

from dataclasses import replace
from typing import Any

import pytest

from probes.policy.declared import planning, telling, writing
from probes.policy.declared.kinds import KINDS, Kind
from probes.policy.declared.planning import Difference, Plan, Stored, Verb, Wishes, settled
from probes.policy.declared.reading import Declared, DeclaredSource, Place
from probes.policy.declared.telling import Line, Tone

HERE = Place("kairos.yaml", 1)
SHOP = DeclaredSource(name="shop", is_complete=True, place=HERE)


def values(kind: Kind, **given: Any) -> dict[str, Any]:
    return {**KINDS[kind].defaults, **given}


def declared(name: str, kind: Kind = Kind.IMAGE, **given: Any) -> Declared:
    return Declared(kind=kind, name=name, values=values(kind, **given), place=HERE)


def stored(name: str, kind: Kind = Kind.IMAGE, *, by: str = "shop", state: str = "", **given: Any) -> Stored:
    flags = {"is_stale": state == "stale", "is_retired": state == "retired"}
    return Stored(kind=kind, name=name, key=1, values=values(kind, **given), managed_by=by, **flags)


def planned(things: list[Declared], rows: list[Stored], **wanted: Any) -> Plan:
    return planning.plan(things, rows, Wishes(**{"source": SHOP, **wanted}))


def verbs(plan: Plan) -> list[tuple[Verb, str]]:
    return [(change.verb, change.name) for change in plan.changes]


def test_what_is_not_there_is_made_with_what_is_said_of_it() -> None:
    thing = declared("a", interval_seconds=60)
    plan = planned([thing], [])

    assert verbs(plan) == [(Verb.CREATE, "a")]
    assert plan.changes[0].wanted is thing
    assert plan.changes[0].differences == (Difference("interval_seconds", 300, 60),)


def test_what_is_as_it_should_be_is_counted() -> None:
    assert planned([declared("a")], [stored("a")]) == Plan(unchanged=1)


def test_what_differs_is_told_by_field() -> None:
    plan = planned([declared("a", interval_seconds=60)], [stored("a", interval_seconds=900)])

    assert plan.changes[0].differences == (Difference("interval_seconds", 900, 60),)


@pytest.mark.parametrize(
    ("row", "wanted", "expected"),
    [
        (stored("a"), {}, Verb.STALE),
        (stored("a", state="stale"), {}, None),
        (stored("a", state="retired"), {"prune": True}, None),
        (stored("a"), {"prune": True}, Verb.RETIRE),
        (stored("a", state="stale"), {"prune": True}, Verb.RETIRE),
        (stored("a", Kind.GROUP), {}, None),
        (stored("a", Kind.GROUP), {"prune": True}, Verb.DELETE),
        (stored("a", by="other"), {"prune": True}, None),
        (stored("a", by=""), {"prune": True}, None),
        (stored("a"), {"source": DeclaredSource(name="shop", place=HERE)}, None),
        (stored("a"), {"source": None}, None),
    ],
)
def test_what_becomes_of_what_nobody_declares(row: Stored, wanted: dict[str, Any], expected: Verb | None) -> None:
    assert verbs(planned([], [row], **wanted)) == ([(expected, "a")] if expected else [])


@pytest.mark.parametrize("state", ["stale", "retired"])
def test_what_was_missing_is_restored(state: str) -> None:
    assert verbs(planned([declared("a")], [stored("a", state=state)])) == [(Verb.RESTORE, "a")]


@pytest.mark.parametrize(("by", "told"), [("", "managed by hand"), ("other", "the source other manages it")])
def test_what_is_anothers_is_left_unless_it_is_taken_over(by: str, told: str) -> None:
    refused = planned([declared("a")], [stored("a", by=by)])
    assert told in str(refused.faults[0])

    adopted = planned([declared("a")], [stored("a", by=by)], adopt=True)
    assert adopted.changes[0].adopted_from == by


def test_who_names_no_source_may_list_what_is_as_it_should_be_whoever_manages_it() -> None:
    rows = [stored("a"), stored("b", interval_seconds=60), stored("c", state="stale")]
    things = [declared(row.name) for row in rows]

    assert planned(things[:1], rows, source=None) == Plan(unchanged=1)
    assert [fault.thing for fault in planned(things, rows, source=None).faults] == ["Image/b", "Image/c"]
    released = planned(things[:1], rows, source=None, adopt=True)
    assert [(change.verb, change.adopted_from) for change in released.changes] == [(Verb.UPDATE, "shop")]


def test_registry_of_which_nobody_has_said_anything_is_taken_over_by_whoever_declares_it() -> None:
    untouched, said = stored("a", Kind.REGISTRY, by=""), stored("b", Kind.REGISTRY, by="", plain_http=True)
    things = [declared("a", Kind.REGISTRY, quota_share_percent=10), declared("b", Kind.REGISTRY)]

    assert planned(things[:1], [untouched]).changes[0].adopted_from == ""
    assert [fault.thing for fault in planned(things, [untouched, said]).faults] == ["Registry/b"]
    assert planned(things[:1], [stored("a", Kind.REGISTRY, by="other")]).faults


def test_image_and_endpoint_do_not_become_each_other() -> None:
    refused = planned([declared("a", Kind.ENDPOINT)], [stored("a")], adopt=True)

    assert "an image does not become an endpoint" in str(refused.faults[0])


def test_settings_come_before_what_names_them_and_go_after_it() -> None:
    plan = planned(
        [declared("z"), declared("g", Kind.GROUP), declared("a")],
        [stored("old", Kind.POLICY), stored("older", Kind.GROUP), stored("gone")],
        prune=True,
    )

    assert [change.name for change in plan.changes] == ["g", "a", "z", "gone", "older", "old"]


def test_large_prune_wants_to_be_said() -> None:
    rows = [stored(f"a{number}") for number in range(12)]

    assert "12 of 12 would be pruned" in str(planned([], rows, prune=True).faults[0])
    assert planned([], rows, prune=True, any_share=True).faults == ()
    assert planned([], rows[:10], prune=True).faults == ()


@pytest.mark.parametrize(
    ("path", "before", "given", "is_hidden"),
    [
        ("endpoint.body", "s3cret", "s3cret", True),
        ("endpoint.body", "s3cret", "a guess", True),
        ("endpoint.body", "s3cret", "", False),
        ("endpoint.body", "", "a guess", False),
        ("endpoint.method", "GET", "GET", False),
        ("reference", "https://a.example/?token=s3cret", "https://a.example/?token=s3cret", True),
        ("reference", "https://a.example/?token=s3cret", "https://a.example/?token=guess", True),
        ("reference", "https://a.example/?token=s3cret", "https://b.example/?token=s3cret", False),
        ("reference", "https://a.example/", "https://a.example/", False),
    ],
)
def test_what_is_hidden_is_not_told_by_what_is_unchanged(
    path: str, before: str, given: str, *, is_hidden: bool
) -> None:
    thing, row = (declared("a", Kind.ENDPOINT, **{path: given}), stored("a", Kind.ENDPOINT, **{path: before}))

    told = planned([thing], [row], tells_hidden=False)
    paths = [item.path for change in told.changes for item in change.differences]
    assert paths == ([path] if is_hidden or given != before else [])
    found = planned([thing], [row])
    assert (settled(told).changes, settled(told).unchanged) == (found.changes, found.unchanged)
    withheld = replace(thing, values={**thing.values, path: before}, withheld=frozenset({path}))
    assert planned([withheld], [row], tells_hidden=False).changes == ()


def test_what_others_manage_is_refused_whatever_is_hidden_of_it() -> None:
    thing = declared("a", Kind.ENDPOINT, **{"endpoint.body": "s3cret"})
    row = replace(stored("a", Kind.ENDPOINT, **{"endpoint.body": "s3cret"}), managed_by="another")
    assert planned([thing], [row], source=None).faults == ()
    assert "another manages it" in str(planned([thing], [row], source=None, tells_hidden=False).faults)


def test_fault_of_a_field_is_at_the_line_of_what_is_around_it() -> None:
    thing = Declared(kind=Kind.IMAGE, name="a", values={}, place=HERE, lines={"terms": 7})

    assert str(thing.fault("No.", "terms.failures")) == "kairos.yaml:7: Image/a: terms.failures: No."
    assert str(thing.fault("No.", "name")) == "kairos.yaml:1: Image/a: name: No."


def test_plan_is_told_line_by_line() -> None:
    plan = planned(
        [
            declared("new", labels=(("team", "shop"),), platforms=("a/b",), check_tag=True),
            declared("other", Kind.IMAGE, depth="blobs", **{"terms.failures": 3}),
            declared(
                "page",
                Kind.ENDPOINT,
                reference="https://a.example/?token=s3cret",
                **{"endpoint.body": "s3cret", "endpoint.contains": "x" * 300},
            ),
            declared("mine", Kind.REGISTRY, resolve=(("a", ("10.0.0.1",)),), notes="two\nlines"),
            declared("theirs"),
        ],
        [stored("other", depth=None), stored("gone"), stored("theirs", by="x", state="stale")],
        adopt=True,
    )

    told = "\n".join(line.text for line in telling.lines(plan, makes_source="shop"))
    assert told.startswith("+ Source/shop\n+ Registry/mine\n")
    assert '    labels: {team: "shop"}' in told
    assert '    depth: null → "blobs"' in told
    assert "    check_tag: true" in told
    assert '    resolve: {a: ["10.0.0.1"]}' in told
    assert "    notes: 'two\\nlines'" in told
    assert "    endpoint.body: (not shown)" in told
    assert "s3cret" not in told
    assert f'"{"x" * 199}…' in told
    assert "~ Image/theirs is listed again, is taken over from x" in told
    assert Line("! Image/gone is not listed any more: stale, and checked on", Tone.GONE) in list(telling.lines(plan))
    assert telling.summary(plan, makes_source="shop", is_done=False) == (
        "Would be: 3 created, 1 changed, 1 restored, 1 stale, one source made, 0 unchanged."
    )
    assert telling.summary(planned([], []), is_done=True) == "Nothing to do: 0 unchanged."
    document = telling.to_json(plan, makes_source="shop")
    assert document["counts"]["create"] == 3
    assert document["changes"][0]["name"] == "mine"
    assert document["changes_left_out"] == 0


def test_first_changes_of_a_long_plan_are_told() -> None:
    plan = planned([declared(name) for name in "abc"], [])

    assert [line.text for line in telling.lines(plan, most=1, kept=["Group/shop"])] == [
        "+ Image/a",
        "… and 2 more",
        "= Group/shop is not listed any more, and kept for what is retired",
    ]
    document = telling.to_json(plan, most=1, kept=["Group/shop"])
    assert [change["name"] for change in document["changes"]] == ["a"]
    assert document["changes_left_out"] == 2
    assert document["kept"] == ["Group/shop"]
    assert document["counts"]["create"] == 3


def test_plans_that_are_told_otherwise_have_other_fingerprints() -> None:
    one, two = planned([declared("a")], []), planned([declared("b")], [])

    assert telling.fingerprint(one) == telling.fingerprint(planned([declared("a")], []))
    others = {
        telling.fingerprint(two),
        telling.fingerprint(one, makes_source="x"),
        telling.fingerprint(one, kept="x"),
    }
    assert len(others | {telling.fingerprint(one)}) == 4


def test_hidden_value_that_is_empty_is_told_as_nothing() -> None:
    field = KINDS[Kind.ENDPOINT].by_path["endpoint.body"]

    assert field.shown("") == "nothing"


URL = "https://a.example/?token=s3cret"
PAGE = stored("page", Kind.ENDPOINT, reference=URL, **{"endpoint.body": "s3cret"})


def withheld(*paths: str, **given: Any) -> Declared:
    return replace(declared("page", Kind.ENDPOINT, **given), withheld=frozenset(paths))


def test_what_was_withheld_stays_as_it_is_stored() -> None:
    shown = KINDS[Kind.ENDPOINT].by_path["reference"].shown_address(URL)
    assert "s3cret" not in str(shown)

    plan = planned([withheld("reference", "endpoint.body", reference=shown, interval_seconds=60)], [PAGE])

    assert plan.changes[0].differences == (Difference("interval_seconds", 300, 60),)
    thing = plan.changes[0].declared
    assert thing is not None
    assert (thing.values["reference"], thing.values["endpoint.body"]) == (URL, "s3cret")


@pytest.mark.parametrize(
    ("thing", "rows", "told"),
    [
        (withheld("endpoint.body", reference=URL), [], "endpoint.body: Its value was withheld"),
        (withheld("reference", reference="https://b.example/?token=x"), [PAGE], "reference: It is not what it was"),
        (
            withheld("endpoint.body", reference="https://b.example/"),
            [PAGE],
            "endpoint.body: It was withheld, and ref",
        ),
    ],
)
def test_what_was_withheld_is_kept_of_the_very_same_alone(thing: Declared, rows: list[Stored], told: str) -> None:
    (fault,) = planned([thing], rows).faults

    assert told in str(fault)


def test_document_says_what_is_withheld_of_it() -> None:
    whole, partial = (next(iter(writing.documents([PAGE], withholds=withholds))) for withholds in (False, True))

    assert whole["spec"] == {"reference": URL, "endpoint": {"body": "s3cret"}}
    assert partial["metadata"] == {"name": "page", "withheld": ["reference", "endpoint.body"]}
    assert "s3cret" not in str(partial)


def test_source_is_written_before_what_it_manages() -> None:
    source = {"apiVersion": "kairos/v1", "kind": "Source", "metadata": {"name": "shop"}, "spec": {"complete": False}}

    text = "".join(writing.text([source, *writing.documents([stored("web", reference="ghcr.io/shop/web:1")])]))

    assert text.startswith("apiVersion: kairos/v1\nkind: Source\n")
    assert "\n---\napiVersion: kairos/v1\nkind: Image\n" in text
