"""The admin, one module for each noun: what operators change, and windows on what the machinery writes.

Rules live below: forms validate through the models, saving and ordering go through the actions.
"""

from probes.admin.access import AccessTokenAdmin, RoleGrantAdmin
from probes.admin.audit import AuditEntryAdmin
from probes.admin.channel import ChannelAdmin
from probes.admin.credential import CredentialAdmin
from probes.admin.event import EventAdmin, HostCertificateAdmin
from probes.admin.history import VerdictChangeAdmin
from probes.admin.incident import IncidentAdmin
from probes.admin.maintenance import MaintenanceWindowAdmin
from probes.admin.missed import MissedSlotsAdmin
from probes.admin.notice import NoticeAdmin
from probes.admin.outcome import OutcomeAdmin
from probes.admin.person import ProviderIdentityAdmin
from probes.admin.quota import QuotaAccountAdmin, ResourceCostsAdmin
from probes.admin.refusal import MessageRefusalAdmin
from probes.admin.region import RegionAdmin
from probes.admin.registry import RegistryAdmin
from probes.admin.resource import ResourceAdmin
from probes.admin.run import RunAdmin
from probes.admin.schedule import ScheduleAdmin, SourceAdmin
from probes.admin.state import RegionStateAdmin
from probes.admin.status import AnnouncementAdmin, StatusPageAdmin
from probes.admin.terms import GlobalTermsAdmin, PolicyAdmin, ResourceGroupAdmin
from probes.admin.verdict import VerdictAdmin

__all__ = [
    "AccessTokenAdmin",
    "AnnouncementAdmin",
    "AuditEntryAdmin",
    "ChannelAdmin",
    "CredentialAdmin",
    "EventAdmin",
    "GlobalTermsAdmin",
    "HostCertificateAdmin",
    "IncidentAdmin",
    "MaintenanceWindowAdmin",
    "MessageRefusalAdmin",
    "MissedSlotsAdmin",
    "NoticeAdmin",
    "OutcomeAdmin",
    "PolicyAdmin",
    "ProviderIdentityAdmin",
    "QuotaAccountAdmin",
    "RegionAdmin",
    "RegionStateAdmin",
    "RegistryAdmin",
    "ResourceAdmin",
    "ResourceCostsAdmin",
    "ResourceGroupAdmin",
    "RoleGrantAdmin",
    "RunAdmin",
    "ScheduleAdmin",
    "SourceAdmin",
    "StatusPageAdmin",
    "VerdictAdmin",
    "VerdictChangeAdmin",
]
