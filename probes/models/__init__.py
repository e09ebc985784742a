"""The control plane's tables, one module for each noun."""

from probes.models.account import BrokerAccount
from probes.models.batch import Batch
from probes.models.control import ControlBeat, MessageRefusal
from probes.models.credential import Credential, CredentialKind
from probes.models.missed import MissedSlots
from probes.models.outcome import Outcome
from probes.models.region import Region, RegionEvent
from probes.models.region_key import RegionKey
from probes.models.registry import Registry
from probes.models.resource import Resource
from probes.models.state import RegionState, Verdict

__all__ = [
    "Batch",
    "BrokerAccount",
    "ControlBeat",
    "Credential",
    "CredentialKind",
    "MessageRefusal",
    "MissedSlots",
    "Outcome",
    "Region",
    "RegionEvent",
    "RegionKey",
    "RegionState",
    "Registry",
    "Resource",
    "Verdict",
]
