"""Examples of what is applied and exported, made by what reads, plans and writes it."""

from typing import Any, Final

from api.serializers.applying import IN_JSON, IN_YAML, mistake, shown
from probes.actions.applying import Applied
from probes.policy.declared import planning
from probes.policy.declared import schema as described
from probes.policy.declared.planning import Wishes
from probes.policy.declared.reading import Fault, Place, Reading
from probes.policy.discovery.document import API_VERSION, written

_NAME: Final = "ghcr.io_shop_web_1.2"


def document() -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": "Image",
        "metadata": {"name": _NAME, "labels": {"team": "shop"}},
        "spec": {"reference": "ghcr.io/shop/web:1.2", "group": "shop"},
    }


def asked() -> dict[str, Any]:
    return {"documents": [document()], "source": "shop-git", "dry_run": True}


def exported() -> dict[str, Any]:
    return {"documents": [document()]}


def schema() -> dict[str, Any]:
    """The first members of the schema of documents."""
    whole = described.schema()
    return {name: whole[name] for name in ("$schema", "$id", "title", "type", "required")}


def text() -> str:
    return written([document()])


def applied() -> dict[str, Any]:
    """What applying the document for the first time would do."""
    reading = Reading()
    reading.add_values([document()], IN_JSON)
    source = reading.source_called("shop-git", "source")
    plan = planning.plan(reading.things, [], Wishes(source=source))
    return shown(Applied(plan=plan, foreseen=plan, makes_source="shop-git"), source="shop-git", dry_run=True)


def refused() -> dict[str, Any]:
    """The members of a problem that it has besides."""
    fault = Fault(
        place=Place(IN_YAML, 9),
        thing=f"Image/{_NAME}",
        field="group",
        message="There is no Group 'shop', neither stored nor declared.",
    )
    return {"instance": "/api/v1/configuration/apply", "errors": [mistake(fault)], "count": 1}
