"""The images of Kubernetes' objects, whether from a manifest, from Helm's output or from the API server.

Source: the Kubernetes API reference, PodSpec and the kinds that hold one. Of custom resources the fields of a few
well-known ones are read, in which a whole reference stands.
"""

from collections.abc import Callable, Iterator
from typing import Final

from probes.policy.discovery.finding import Notebook, Place
from probes.policy.discovery.nodes import Mapping

TEMPLATE: Final = ("spec", "template", "spec")
_POD_SPECS: Final[dict[tuple[str, str], tuple[str, ...]]] = {
    ("", "Pod"): ("spec",),
    ("", "PodTemplate"): ("template", "spec"),
    ("", "ReplicationController"): TEMPLATE,
    ("apps", "Deployment"): TEMPLATE,
    ("apps", "StatefulSet"): TEMPLATE,
    ("apps", "DaemonSet"): TEMPLATE,
    ("apps", "ReplicaSet"): TEMPLATE,
    ("extensions", "Deployment"): TEMPLATE,
    ("extensions", "DaemonSet"): TEMPLATE,
    ("extensions", "ReplicaSet"): TEMPLATE,
    ("batch", "Job"): TEMPLATE,
    ("batch", "CronJob"): ("spec", "jobTemplate", *TEMPLATE),
    ("argoproj.io", "Rollout"): TEMPLATE,
    ("apps.kruise.io", "CloneSet"): TEMPLATE,
    ("apps.kruise.io", "StatefulSet"): TEMPLATE,
    ("apps.kruise.io", "DaemonSet"): TEMPLATE,
    ("serving.knative.dev", "Service"): TEMPLATE,
    ("serving.knative.dev", "Configuration"): TEMPLATE,
}
"""Where a pod's specification stands, by API group and kind."""

_FIELDS: Final[dict[tuple[str, str], tuple[tuple[str, ...], ...]]] = {
    ("monitoring.coreos.com", "Prometheus"): (("spec", "image"),),
    ("monitoring.coreos.com", "Alertmanager"): (("spec", "image"),),
    ("monitoring.coreos.com", "ThanosRuler"): (("spec", "image"),),
    ("postgresql.cnpg.io", "Cluster"): (("spec", "imageName"),),
    ("argoproj.io", "Workflow"): (
        ("spec", "templates", "container", "image"),
        ("spec", "templates", "script", "image"),
    ),
    ("argoproj.io", "WorkflowTemplate"): (
        ("spec", "templates", "container", "image"),
        ("spec", "templates", "script", "image"),
    ),
    ("argoproj.io", "CronWorkflow"): (
        ("spec", "workflowSpec", "templates", "container", "image"),
        ("spec", "workflowSpec", "templates", "script", "image"),
    ),
    ("tekton.dev", "Task"): (("spec", "steps", "image"), ("spec", "sidecars", "image")),
}
"""Fields of custom resources that hold a whole reference; of a sequence on the way, each item."""

_CONTAINERS: Final = (
    ("initContainers", "init container"),
    ("containers", "container"),
    ("ephemeralContainers", "ephemeral container"),
)
_LIST: Final = "List"


def is_object(document: Mapping) -> bool:
    """Tell whether this is an object of Kubernetes' API, of whatever kind."""
    return bool(document.text("apiVersion") and document.text("kind"))


def read(document: Mapping, file: str, book: Notebook) -> None:
    """Note the images of an object, or of each in a list."""
    pending: list[tuple[Mapping, str, str]] = [(document, document.text("apiVersion"), document.text("kind"))]
    while pending:
        item, version, kind = pending.pop()
        if kind.endswith(_LIST) and isinstance(item.get("items"), list):
            of = kind.removesuffix(_LIST)  # a list that the API server gives does not say it in each item
            pending += [
                (one, one.text("apiVersion") or version, one.text("kind") or of)
                for one in reversed(list(item.list("items").maps))
            ]
            continue
        read_object(item, version, kind, lambda line, what: Place(file, line, what), book)


def read_object(item: Mapping, version: str, kind: str, place: Callable[[int, str], Place], book: Notebook) -> None:
    """Note the images of one object; `place` makes the place of a line and of what is there."""
    group = version.rpartition("/")[0]
    metadata = item.map("metadata")
    named = metadata.text("name") or metadata.text("generateName")
    shown = f"{kind} {'/'.join(filter(None, (metadata.text('namespace'), named)))}".strip()
    if path := _POD_SPECS.get((group, kind)):
        spec = item
        for step in path:
            spec = spec.map(step)
        _read_pod(spec, lambda line, what: place(line, f"{shown}, {what}" if what else shown), book)
    for fields in _FIELDS.get((group, kind), ()):
        for line, image in _texts(item, fields):
            book.image(image, place(line, f"{shown}, {'.'.join(fields)}"))


def _read_pod(spec: Mapping, place: Callable[[int, str], Place], book: Notebook) -> None:
    platform = _platform(spec)
    for field, what in _CONTAINERS:
        for container in spec.list(field).maps:
            at = place(container.line_of("image"), f"{what} {container.text('name')}".strip())
            if image := container.text("image"):
                book.image(image, at, platform)
            else:
                book.note(at, "it names no image")
    for volume in spec.list("volumes").maps:
        source = volume.map("image")
        if image := source.text("reference"):
            book.image(image, place(source.line_of("reference"), f"volume {volume.text('name')}"), platform)
    secrets = [secret.text("name") for secret in spec.list("imagePullSecrets").maps]
    if secrets:
        line = spec.line_of("imagePullSecrets")
        book.note(place(line, ""), f"pulls with the secrets {', '.join(secrets)}, which are not read")


def _platform(spec: Mapping) -> str:
    """Return the platform of the nodes that a pod asks for, where it says so."""
    wanted = spec.map("nodeSelector")
    architecture = wanted.text("kubernetes.io/arch")
    return f"{wanted.text('kubernetes.io/os') or 'linux'}/{architecture}" if architecture else ""


def _texts(item: Mapping, path: tuple[str, ...]) -> Iterator[tuple[int, str]]:
    field, *rest = path
    if not rest:
        if text := item.text(field):
            yield item.line_of(field), text
        return
    for inner in (item.map(field), *item.list(field).maps):
        yield from _texts(inner, tuple(rest))
