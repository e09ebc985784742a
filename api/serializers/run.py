"""Runs: checks that somebody ordered, and may poll until they are over."""

from typing import Any, Final
from urllib.parse import urlencode

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.reverse import reverse

from api.fields import InstantField
from api.serializers.document import DocumentSerializer
from api.strict import StrictBody
from probes.models import Run, RunCheck
from probes.policy.runs import CheckState, RefusalReason, RunKind, poll_after_seconds
from probes.policy.verdict import VerdictState
from probes.protocol.outcome import rfc3339
from probes.protocol.plan import DEFAULT_PLATFORM
from probes.protocol.taxonomy import Confidence, Depth, Reason, Stage, Status
from probes.selectors.runs import Tally, state_at

KINDS: Final = [(item.value, item.value) for item in RunKind]
_DEPTHS: Final = [(item.value, item.value) for item in Depth]


class CountsSerializer(serializers.Serializer[Any]):
    """How many checks of the run are in each state."""

    waiting = serializers.IntegerField()
    done = serializers.IntegerField()
    missed = serializers.IntegerField()
    refused = serializers.IntegerField()


class RunCheckSerializer(serializers.ModelSerializer[RunCheck]):
    """One check of a run: from one region, of one resource or of the probe's reference."""

    resource = serializers.IntegerField(source="resource_id", allow_null=True, help_text="Its id; null in a probe.")
    region = serializers.CharField(source="region.slug", help_text="The region's slug.")
    slot = InstantField(help_text="With `resource` and `region` it names the check for ever.")
    state = serializers.SerializerMethodField(
        help_text="`waiting` for its region; `done`: it answered; `missed`: no usable answer came in time; "
        "`refused`: it was not handed out, see `refusal`."
    )
    refusal = serializers.SerializerMethodField(help_text="Why it was not handed out; null where it was.")
    status = serializers.SerializerMethodField(help_text="Null until it is done, and so is what follows.")
    reason = serializers.SerializerMethodField(help_text="`ok` when available.")
    stage = serializers.ChoiceField(choices=[(item.value, item.value) for item in Stage], allow_null=True)
    host = serializers.CharField(allow_null=True, help_text="The host that failed; null when available.")
    confidence = serializers.SerializerMethodField()
    depth = serializers.ChoiceField(choices=_DEPTHS, allow_null=True, help_text="The depth that was proven.")
    digest = serializers.CharField(allow_null=True)
    checked_at = InstantField(allow_null=True, help_text="When the check began.")
    answered_at = InstantField(allow_null=True)
    duration_ms = serializers.IntegerField(allow_null=True)
    egress_down = serializers.BooleanField(
        source="is_egress_down", help_text="The region reached nothing at all: this says nothing of what was checked."
    )
    document = DocumentSerializer(
        allow_null=True, help_text="Of a probe, the whole outcome. Those of resources are under `/outcomes`."
    )

    class Meta:
        model = RunCheck
        fields = (
            "resource",
            "region",
            "slot",
            "state",
            "refusal",
            "status",
            "reason",
            "stage",
            "host",
            "confidence",
            "depth",
            "digest",
            "checked_at",
            "answered_at",
            "duration_ms",
            "egress_down",
            "document",
        )
        read_only_fields = fields

    @extend_schema_field(serializers.ChoiceField(choices=[(item.value, item.value) for item in CheckState]))
    def get_state(self, check: RunCheck) -> str:
        return state_at(CheckState(check.state), is_over=self.context["is_over"]).value

    @extend_schema_field(
        serializers.ChoiceField(choices=[(item.value, item.value) for item in RefusalReason], allow_null=True)
    )
    def get_refusal(self, check: RunCheck) -> str | None:
        return check.refusal or None

    @extend_schema_field(
        serializers.ChoiceField(choices=[(item.value, item.value) for item in Status], allow_null=True)
    )
    def get_status(self, check: RunCheck) -> str | None:
        return check.status or None

    @extend_schema_field(
        serializers.ChoiceField(choices=[(item.value, item.value) for item in Reason], allow_null=True)
    )
    def get_reason(self, check: RunCheck) -> str | None:
        return check.reason or None

    @extend_schema_field(
        serializers.ChoiceField(choices=[(item.value, item.value) for item in Confidence], allow_null=True)
    )
    def get_confidence(self, check: RunCheck) -> str | None:
        return check.confidence or None


class RunSerializer(serializers.ModelSerializer[Run]):
    """Checks that were ordered at once, and how far they are.

    It ends for certain: at `ends_at` whatever is still waiting is missed.
    """

    id = serializers.UUIDField(source="uuid")
    url = serializers.SerializerMethodField(help_text="Where to look again.")
    kind = serializers.ChoiceField(
        choices=KINDS,
        help_text="`check` of stored resources, or `probe` of a reference that is stored nowhere.",
    )
    asked_by = serializers.CharField(
        source="asked_by.username", default=None, allow_null=True, help_text="The user's name; null for nobody known."
    )
    asked_at = InstantField()
    ends_at = InstantField(help_text="When it is over at the latest.")
    finished_at = InstantField(allow_null=True, help_text="When the last answer came; null while it waits.")
    done = serializers.SerializerMethodField(help_text="Whether it is over: nothing is waited for any more.")
    poll_after_seconds = serializers.SerializerMethodField(
        help_text="In how many seconds to look again; null when it is over. Also as `Retry-After`."
    )
    reference = serializers.SerializerMethodField(
        help_text="What a probe is of; of a URL, without its query values. Null of resources."
    )
    platforms = serializers.ListField(child=serializers.CharField(), help_text="Of a probe of an image.")
    credential = serializers.SerializerMethodField(
        help_text="The slug of what a probe logged in with; null for none."
    )
    regions = serializers.ListField(child=serializers.CharField(), help_text="Slugs of the regions that were asked.")
    depth = serializers.ChoiceField(
        choices=_DEPTHS, allow_null=True, help_text="How deep to go; null is as for a scheduled check."
    )
    counts = serializers.SerializerMethodField()
    verdict = serializers.SerializerMethodField(
        help_text="What all checks of the run come to, each as it is: `available` when every one was good, "
        "`unavailable` when every one that could tell was bad, `degraded` when some were bad or impaired, and "
        "`unknown` while nothing bad was heard and not everything good."
    )

    class Meta:
        model = Run
        fields: tuple[str, ...] = (
            "id",
            "url",
            "kind",
            "asked_by",
            "asked_at",
            "ends_at",
            "finished_at",
            "done",
            "poll_after_seconds",
            "reference",
            "platforms",
            "credential",
            "regions",
            "depth",
            "counts",
            "verdict",
        )
        read_only_fields = fields

    @extend_schema_field(serializers.URLField)
    def get_url(self, run: Run) -> str:
        return str(reverse("api:runs-detail", args=[run.uuid], request=self.context["request"]))

    def get_done(self, run: Run) -> bool:
        return run.is_over(self.context["now"])

    def get_poll_after_seconds(self, run: Run) -> int | None:
        now = self.context["now"]
        return None if run.is_over(now) else poll_after_seconds(run.asked_at, now)

    def get_reference(self, run: Run) -> str | None:
        return run.reference or None

    def get_credential(self, run: Run) -> str | None:
        return run.credential or None

    @extend_schema_field(CountsSerializer)
    def get_counts(self, run: Run) -> dict[str, int]:
        return {state.value: number for state, number in self._tally(run).counts.items()}

    @extend_schema_field(serializers.ChoiceField(choices=[(item.value, item.value) for item in VerdictState]))
    def get_verdict(self, run: Run) -> str:
        return self._tally(run).verdict.value

    def _tally(self, run: Run) -> Tally:
        tally: Tally = self.context["tallies"][run.pk]
        return tally


class RunInFullSerializer(RunSerializer):
    """A run with each of its checks."""

    checks = serializers.SerializerMethodField()

    class Meta(RunSerializer.Meta):
        fields = (*RunSerializer.Meta.fields, "checks")
        read_only_fields = fields

    @extend_schema_field(RunCheckSerializer(many=True))
    def get_checks(self, run: Run) -> Any:
        context = {**self.context, "is_over": run.is_over(self.context["now"])}
        return RunCheckSerializer(run.checks.all(), many=True, context=context).data


class OrderedRunSerializer(RunInFullSerializer):
    """A check of one resource that was sent to its regions, as a run. Its outcomes carry this slot."""

    resource = serializers.SerializerMethodField()
    slot = serializers.SerializerMethodField()
    outcomes = serializers.SerializerMethodField(help_text="Where its outcomes appear, within seconds.")

    class Meta(RunInFullSerializer.Meta):
        fields = (*RunInFullSerializer.Meta.fields, "resource", "slot", "outcomes")
        read_only_fields = fields

    def get_resource(self, _run: Run) -> int:
        return int(self.context["resource"])

    @extend_schema_field(serializers.DateTimeField)
    def get_slot(self, _run: Run) -> str:
        return rfc3339(self.context["slot"])

    @extend_schema_field(serializers.URLField)
    def get_outcomes(self, _run: Run) -> str:
        query = urlencode({"resource": self.context["resource"], "since": rfc3339(self.context["slot"])})
        return f"{reverse('api:outcomes-list', request=self.context['request'])}?{query}"


class ProbeSerializer(StrictBody):
    """What to check once, from where and as whom."""

    reference = serializers.CharField(
        max_length=1024, help_text="As you would pull it, such as `ghcr.io/org/app:1.2`; or an endpoint's URL."
    )
    regions = serializers.ListField(
        child=serializers.CharField(max_length=40),
        allow_empty=False,
        max_length=100,
        help_text="Slugs of active regions.",
    )
    platforms = serializers.ListField(
        child=serializers.CharField(max_length=100),
        required=False,
        allow_empty=False,
        max_length=20,
        default=lambda: [DEFAULT_PLATFORM],
        help_text="`OS/ARCH[/VARIANT]`, or the single word `all`. Only of an image.",
    )
    depth = serializers.ChoiceField(
        choices=_DEPTHS, required=False, default=Depth.BLOBS.value, help_text="How deep to go. Only of an image."
    )
    credential = serializers.CharField(
        required=False,
        allow_null=True,
        default=None,
        max_length=100,
        help_text="The slug of a stored credential that covers the reference; left out or null, the check shows no "
        "login. Takes the role editor over all, or over something that it was given to.",
    )
