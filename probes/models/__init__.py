"""The control plane's tables, one module for each noun."""

from probes.models import among, people  # noqa: F401 - the one registers a lookup, the other triggers
from probes.models.access import AccessToken, RequestCount, RoleGrant
from probes.models.account import BrokerAccount
from probes.models.audit import AuditEntry
from probes.models.batch import Batch
from probes.models.certificate import HostCertificate
from probes.models.control import ControlBeat, MessageRefusal
from probes.models.counter import Counter
from probes.models.credential import Credential, CredentialKind
from probes.models.endpoint import Endpoint
from probes.models.event import Event, TagWatch
from probes.models.group import ResourceGroup
from probes.models.history import Pause, VerdictChange
from probes.models.incident import Incident, IncidentEntry
from probes.models.kept_answer import KeptAnswer
from probes.models.maintenance import MaintenanceOccurrence, MaintenanceWindow
from probes.models.missed import MissedSlots
from probes.models.notice import Channel, Notice, Rule
from probes.models.outcome import Outcome
from probes.models.person import ProviderIdentity
from probes.models.policy import Policy
from probes.models.quota import AccountCosts, QuotaAccount, QuotaWait, ResourceCosts
from probes.models.region import Region, RegionEvent
from probes.models.region_key import RegionKey
from probes.models.registry import Registry
from probes.models.resource import Resource, ResourceKind
from probes.models.rollup import ALL_REGIONS, DayRollUp, HourRollUp, LateOutcome, RollUp, RollUpProgress
from probes.models.run import Run, RunCheck
from probes.models.schedule import Schedule
from probes.models.source import Source
from probes.models.state import RegionState, Verdict
from probes.models.status import Announcement, StatusGroup, StatusPage
from probes.models.sums import DaySum, HourSum, OwnerKind
from probes.models.terms import GlobalTerms
from probes.models.words import ResourceWords

__all__ = [
    "ALL_REGIONS",
    "AccessToken",
    "AccountCosts",
    "Announcement",
    "AuditEntry",
    "Batch",
    "BrokerAccount",
    "Channel",
    "ControlBeat",
    "Counter",
    "Credential",
    "CredentialKind",
    "DayRollUp",
    "DaySum",
    "Endpoint",
    "Event",
    "GlobalTerms",
    "HostCertificate",
    "HourRollUp",
    "HourSum",
    "Incident",
    "IncidentEntry",
    "KeptAnswer",
    "LateOutcome",
    "MaintenanceOccurrence",
    "MaintenanceWindow",
    "MessageRefusal",
    "MissedSlots",
    "Notice",
    "Outcome",
    "OwnerKind",
    "Pause",
    "Policy",
    "ProviderIdentity",
    "QuotaAccount",
    "QuotaWait",
    "Region",
    "RegionEvent",
    "RegionKey",
    "RegionState",
    "Registry",
    "RequestCount",
    "Resource",
    "ResourceCosts",
    "ResourceGroup",
    "ResourceKind",
    "ResourceWords",
    "RoleGrant",
    "RollUp",
    "RollUpProgress",
    "Rule",
    "Run",
    "RunCheck",
    "Schedule",
    "Source",
    "StatusGroup",
    "StatusPage",
    "TagWatch",
    "Verdict",
    "VerdictChange",
]
