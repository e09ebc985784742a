"""Which images Kubernetes' objects name, and where."""

import pytest

from probes.policy.discovery import kubernetes
from probes.policy.discovery.finding import Notebook
from probes.policy.discovery.yaml_stream import documents


def read(text: str) -> Notebook:
    book = Notebook()
    for document in documents(text):
        kubernetes.read(document, "app.yaml", book)
    return book


def found(book: Notebook) -> list[str]:
    return [item.reference for item in book.found]


POD = "{containers: [{name: web, image: 'registry.example.com/web:1'}]}"
TEMPLATE = f"{{template: {{spec: {POD}}}}}"


@pytest.mark.parametrize(
    ("version", "kind", "body"),
    [
        ("v1", "Pod", f"spec: {POD}"),
        ("v1", "PodTemplate", f"template: {{spec: {POD}}}"),
        ("v1", "ReplicationController", f"spec: {TEMPLATE}"),
        ("apps/v1", "Deployment", f"spec: {TEMPLATE}"),
        ("apps/v1beta2", "Deployment", f"spec: {TEMPLATE}"),
        ("extensions/v1beta1", "Deployment", f"spec: {TEMPLATE}"),
        ("apps/v1", "StatefulSet", f"spec: {TEMPLATE}"),
        ("apps/v1", "DaemonSet", f"spec: {TEMPLATE}"),
        ("apps/v1", "ReplicaSet", f"spec: {TEMPLATE}"),
        ("batch/v1", "Job", f"spec: {TEMPLATE}"),
        ("batch/v1", "CronJob", f"spec: {{jobTemplate: {{spec: {TEMPLATE}}}}}"),
        ("batch/v1beta1", "CronJob", f"spec: {{jobTemplate: {{spec: {TEMPLATE}}}}}"),
        ("argoproj.io/v1alpha1", "Rollout", f"spec: {TEMPLATE}"),
        ("serving.knative.dev/v1", "Service", f"spec: {TEMPLATE}"),
        ("monitoring.coreos.com/v1", "Prometheus", "spec: {image: 'registry.example.com/web:1'}"),
        ("postgresql.cnpg.io/v1", "Cluster", "spec: {imageName: 'registry.example.com/web:1'}"),
        ("tekton.dev/v1", "Task", "spec: {steps: [{image: 'registry.example.com/web:1'}]}"),
        (
            "argoproj.io/v1alpha1",
            "Workflow",
            "spec: {templates: [{container: {image: 'registry.example.com/web:1'}}, {dag: {}}]}",
        ),
    ],
)
def test_every_kind_with_a_pod_in_it_is_read(version: str, kind: str, body: str) -> None:
    book = read(f"apiVersion: {version}\nkind: {kind}\nmetadata: {{name: shop, namespace: prod}}\n{body}\n")
    assert found(book) == ["registry.example.com/web:1"]
    assert str(book.found[0].place).startswith(f"app.yaml:4: {kind} prod/shop, ")


@pytest.mark.parametrize(
    ("version", "kind", "body"),
    [
        ("v1", "Service", f"spec: {TEMPLATE}"),  # Kubernetes' own has no pods, though Knative's has
        ("example.com/v1", "Deployment", f"spec: {TEMPLATE}"),
        ("example.com/v1", "Thing", "spec: {image: 'registry.example.com/web:1'}"),
        ("v1", "ConfigMap", "data: {image: 'registry.example.com/web:1'}"),
    ],
)
def test_what_only_looks_alike_is_not_read(version: str, kind: str, body: str) -> None:
    book = read(f"apiVersion: {version}\nkind: {kind}\nmetadata: {{name: shop}}\n{body}\n")
    assert (found(book), book.is_complete) == ([], True)


HELM = """\
---
# Source: shop/templates/deployment.yaml
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  template:
    spec:
      nodeSelector:
        kubernetes.io/arch: arm64
      imagePullSecrets:
        - name: regcred
      initContainers:
        - name: migrate
          image: "ghcr.io/org/migrate:2"
      containers:
        - name: web
          image: "ghcr.io/org/web:2@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        - name: sidecar
          image: envoyproxy/envoy
      ephemeralContainers:
        - name: debug
          image: busybox:1.36
      volumes:
        - name: models
          image:
            reference: ghcr.io/org/models:1
---
# Source: shop/templates/empty.yaml
---
# Source: shop/templates/service.yaml
apiVersion: v1
kind: Service
metadata: {name: web}
"""


def test_helms_output_is_read_with_all_that_a_pod_pulls() -> None:
    book = read(HELM)
    assert {(item.reference, item.place.line, item.platform) for item in book.found} == {
        ("ghcr.io/org/migrate:2", 16, "linux/arm64"),
        ("ghcr.io/org/web:2@sha256:" + "a" * 64, 19, "linux/arm64"),
        ("docker.io/envoyproxy/envoy:latest", 21, "linux/arm64"),
        ("docker.io/library/busybox:1.36", 24, "linux/arm64"),
        ("ghcr.io/org/models:1", 28, "linux/arm64"),
    }
    assert [str(remark) for remark in book.remarks] == [
        "app.yaml:12: Deployment web: pulls with the secrets regcred, which are not read"
    ]


def test_lists_are_read_with_and_without_a_kind_in_each_item() -> None:
    items = f"[{{apiVersion: v1, kind: Pod, metadata: {{name: a}}, spec: {POD}}}]"
    assert len(found(read(f"apiVersion: v1\nkind: List\nitems: {items}\n"))) == 1
    bare = f"[{{metadata: {{name: a}}, spec: {POD}}}, {{metadata: {{name: b}}, spec: {POD}}}]"
    book = read(f"apiVersion: v1\nkind: PodList\nitems: {bare}\n")
    assert [item.place.what for item in book.found] == ["Pod a, container web", "Pod b, container web"]


@pytest.mark.parametrize("image", ["$(IMAGE)", "{{ image }}", "App:1", "registry.example.com/web:", "http://x/y"])
def test_what_is_no_reference_is_a_gap_with_its_line(image: str) -> None:
    book = read(f"apiVersion: v1\nkind: Pod\nspec:\n  containers:\n    - image: '{image}'\n")
    assert not book.is_complete
    assert str(book.remarks[0]).startswith("app.yaml:5: Pod, container: not read: ")


def test_a_container_without_an_image_is_told_and_no_gap() -> None:
    book = read("apiVersion: v1\nkind: Pod\nspec: {containers: [{name: web}]}\n")
    assert book.is_complete
    assert [remark.text for remark in book.remarks] == ["it names no image"]


@pytest.mark.parametrize(
    "spec", ["[]", "text", "{containers: text}", "{containers: [text, [], ~]}", "{containers: {}}"]
)
def test_what_has_another_shape_breaks_nothing(spec: str) -> None:
    assert found(read(f"apiVersion: v1\nkind: Pod\nspec: {spec}\n")) == []
