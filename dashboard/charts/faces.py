"""What a second of a timeline is called, and the letter by which bars and their script know it. PURE."""

from collections.abc import Mapping
from typing import Final

from dashboard.words import Look
from probes.policy.buckets import Face

NAMES: Final = {
    Face.UNAVAILABLE: Look.UNAVAILABLE.label,
    Face.DEGRADED: Look.DEGRADED.label,
    Face.UNKNOWN: Look.UNKNOWN.label,
    Face.NO_DATA: "No data",
    Face.MAINTENANCE: Look.MAINTENANCE.label,
    Face.PAUSED: Look.PAUSED.label,
    Face.AVAILABLE: Look.AVAILABLE.label,
}


def names(unattended: str = "") -> Mapping[Face, str]:
    """Return what each face is called; `unattended` is the time in which nobody looked, if not paused."""
    return {**NAMES, Face.PAUSED: unattended[:1].upper() + unattended[1:]} if unattended else NAMES


MEANINGS: Final = {
    Face.UNAVAILABLE: "Too many regions could not pull it. The notch is as high as the share of the time.",
    Face.DEGRADED: "Some regions could not pull it, or it was slow. The notch is as high as the share of the time.",
    Face.UNKNOWN: "Too few regions had a fresh vote.",
    Face.NO_DATA: "Nobody said anything.",
    Face.MAINTENANCE: "Work was planned: uptime leaves the time out.",
    Face.PAUSED: "It was not checked, because somebody said so, or as it is retired.",
    Face.AVAILABLE: "A pull worked.",
}

LETTERS: Final = {
    Face.UNAVAILABLE: "u",
    Face.DEGRADED: "d",
    Face.UNKNOWN: "k",
    Face.NO_DATA: "n",
    Face.MAINTENANCE: "m",
    Face.PAUSED: "p",
    Face.AVAILABLE: "a",
}
