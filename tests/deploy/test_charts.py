"""The Helm charts, rendered by Helm itself (its library, from a package) and held against Kubernetes' own schemas."""

import base64
import json
import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy import bundle, compose
from tests.deploy.dockerfile import ROOT, stages

CHARTS = ROOT / "deploy" / "helm"
NEEDED: dict[str, dict[str, Any]] = {
    "kairos": {"existingSecret": "kairos"},
    "kairos-edge": yaml.safe_load(bundle.rendered("values.yaml")),
}
FULL: dict[str, dict[str, Any]] = {
    "kairos": {
        **NEEDED["kairos"],
        "env": {"KAIROS_HTTPS": 1, "KAIROS_ALLOWED_HOSTS": "kairos.example.net"},
        "imagePullSecrets": [{"name": "pull"}],
        "ingress": {"enabled": True, "className": "nginx", "host": "kairos.example.net", "tlsSecret": "tls"},
        "tolerations": [{"operator": "Exists"}],
        "nodeSelector": {"disk": "ssd"},
    },
    "kairos-edge": {
        **NEEDED["kairos-edge"],
        "env": {"KAIROS_EDGE_BATCHES": 2},
        "imagePullSecrets": [{"name": "pull"}],
        "podAnnotations": {"note": "x"},
        "affinity": {"podAntiAffinity": {}},
        "replicas": 2,
    },
}
KUBERNETES = ("1.27", "1.37")
INSTALL = "not installed: pip install --require-hashes -r requirements-deploy.txt"
CASES = [(chart, values) for values in ("needed", "full") for chart in NEEDED]


def helm() -> Any:
    return pytest.importorskip("helm_python", reason=INSTALL)


def rendered(chart: str, values: dict[str, Any]) -> list[dict[str, Any]]:
    with helm().Chart.load(CHARTS / chart) as loaded:
        loaded.validate_schema(values)
        texts = loaded.render(values, name="demo", namespace="prod")
    documents = (
        document for name, text in texts.items() if name.endswith(".yaml") for document in yaml.safe_load_all(text)
    )
    return [document for document in documents if document]


def pods(chart: str, values: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the specification of each pod, by what makes it."""
    made = [document for document in rendered(chart, values) if document["kind"] in {"Deployment", "Job"}]
    return {document["metadata"]["name"]: document["spec"]["template"]["spec"] for document in made}


def values_of(chart: str, name: str) -> dict[str, Any]:
    return {"needed": NEEDED, "full": FULL}[name][chart]


@pytest.mark.parametrize(("chart", "name"), CASES)
def test_helm_finds_no_fault(chart: str, name: str) -> None:
    report = helm().lint(str(CHARTS / chart), values_of(chart, name), strict=True)
    assert report["errors"] == []
    assert [message for message in report["messages"] if message["severity"] > 1] == []


@pytest.mark.parametrize("version", KUBERNETES)
@pytest.mark.parametrize(("chart", "name"), CASES)
def test_kubernetes_would_take_it(chart: str, name: str, version: str) -> None:
    kubernetes = pytest.importorskip("kubernetes_validate", reason=INSTALL)
    documents = rendered(chart, values_of(chart, name))
    assert len(documents) >= 2
    for document in documents:
        kubernetes.validate(document, version, strict=True)


def test_kubernetes_schema_would_refuse() -> None:
    kubernetes = pytest.importorskip("kubernetes_validate", reason=INSTALL)
    document = next(item for item in rendered("kairos-edge", NEEDED["kairos-edge"]) if item["kind"] == "Deployment")
    document["spec"]["template"]["spec"]["containers"][0]["readOnlyRoot"] = True
    with pytest.raises(kubernetes.ValidationError):
        kubernetes.validate(document, KUBERNETES[0], strict=True)


def test_region_may_be_called_what_yaml_takes_for_something_else() -> None:
    deployment = next(
        item
        for item in rendered("kairos-edge", {**NEEDED["kairos-edge"], "region": "no"})
        if item["kind"] == "Deployment"
    )
    assert deployment["metadata"]["labels"]["kairos/region"] == "no"
    environment = deployment["spec"]["template"]["spec"]["containers"][0]["env"]
    assert {"name": "KAIROS_REGION", "value": "no"} in environment


@pytest.mark.parametrize(
    ("chart", "values"),
    [
        ("kairos", {}),
        ("kairos", {"existingSecret": "kairos", "replicas": 2}),
        ("kairos-edge", {"region": "eu-west"}),
        ("kairos-edge", {"region": "EU West", "existingSecret": "x"}),
        ("kairos-edge", {"region": "eu-west", "existingSecret": "x", "brokerUrl": "redis://:password@broker"}),
    ],
)
def test_values_that_are_wrong_are_refused(chart: str, values: dict[str, Any]) -> None:
    with pytest.raises(helm().HelmError):
        rendered(chart, values)


@pytest.mark.parametrize(("chart", "name"), CASES)
def test_every_container_is_confined(chart: str, name: str) -> None:
    for pod in pods(chart, values_of(chart, name)).values():
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] == 10001
        assert pod["automountServiceAccountToken"] is False
        for container in (*pod["initContainers"], *pod["containers"]):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert "memory" in container["resources"]["limits"]


@pytest.mark.parametrize("chart", NEEDED)
def test_secrets_come_from_a_secret(chart: str) -> None:
    for pod in pods(chart, FULL[chart]).values():
        for container in pod["containers"]:
            urls = [entry for entry in container["env"] if entry["name"].endswith("_URL")]
            assert urls
            assert all("secretKeyRef" in entry["valueFrom"] for entry in urls)


def test_region_knows_nothing_of_the_database() -> None:
    assert "DATABASE" not in str(rendered("kairos-edge", FULL["kairos-edge"]))


def test_pods_run_the_commands_that_are_run_in_containers() -> None:
    """test_compose_run runs these, argument by argument."""
    services = compose.services(dict.fromkeys(compose.NEEDED, "x"))
    made = pods("kairos", NEEDED["kairos"])
    commands = {name.removeprefix("demo-"): tuple(pod["containers"][0]["args"]) for name, pod in made.items()}
    assert commands["web"] == stages()["control"].command
    assert commands["beat"] == services["beat"].command
    assert commands["worker"] == services["control"].command
    assert commands["prepare-1"][:3] == services["prepare"].command[:3]


def test_region_runs_the_command_of_its_image_and_is_asked_as_its_image_says() -> None:
    (pod,) = pods("kairos-edge", NEEDED["kairos-edge"]).values()
    (container,) = pod["containers"]
    assert "command" not in container
    assert "args" not in container
    health = stages()["edge"].health
    assert tuple(container["readinessProbe"]["exec"]["command"]) == health
    assert tuple(container["livenessProbe"]["exec"]["command"]) == (*health, "--alive")
    assert pod["terminationGracePeriodSeconds"] == 15


def test_web_is_asked_by_a_name_that_it_answers_to() -> None:
    """The address of a pod is none of ALLOWED_HOSTS, and its probes would be answered with 400."""
    container = pods("kairos", NEEDED["kairos"])["demo-web"]["containers"][0]
    for probe in ("readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"]["httpHeaders"] == [{"name": "Host", "value": "localhost"}]


@pytest.mark.parametrize("chart", NEEDED)
def test_chart_is_of_our_version(chart: str) -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    document = yaml.safe_load((CHARTS / chart / "Chart.yaml").read_text())
    assert (document["name"], document["version"], document["appVersion"]) == (chart, version, version)


@pytest.mark.parametrize("chart", NEEDED)
def test_key_is_handed_on_in_a_file_that_its_owner_alone_may_read(chart: str, tmp_path: Path) -> None:
    """Kubernetes makes a mounted Secret readable by its group, and no key file that others may read is taken."""
    for pod in pods(chart, NEEDED[chart]).values():
        (init,) = pod["initContainers"]
        secret, home = tmp_path / "secret", tmp_path / "home"
        (secret / "..data").mkdir(parents=True, exist_ok=True)
        home.mkdir(exist_ok=True)
        (secret / "..data" / "region-key.json").write_text("{}")
        (secret / "region-key.json").unlink(missing_ok=True)
        (secret / "region-key.json").symlink_to("..data/region-key.json")
        (place,) = [mount["mountPath"] for mount in init["volumeMounts"] if not mount.get("readOnly")]
        script = init["command"][-1].replace("/secret", str(secret)).replace(f"{place}/", f"{home}/")
        subprocess.run([*init["command"][:-1], script], check=True)
        assert [(path.name, path.stat().st_mode & 0o777, path.is_symlink()) for path in home.iterdir()] == [
            ("region-key.json", 0o600, False)
        ]


def test_secret_of_a_region_is_made_as_its_values_file_says(tmp_path: Path) -> None:
    """The client takes no --from-env-file beside --from-file, which was the first way that was written there."""
    if shutil.which("kubectl") is None:
        pytest.skip("no kubectl here")
    (tmp_path / "kairos-edge.env").write_text(
        "# a comment\nBROKER_URL=rediss://u:p@broker/0?a=b&c=d\nKAIROS_REGION=eu-west\n"
    )
    for name in ("region-key.json", "broker-ca.pem"):
        (tmp_path / name).write_text(name)
    lines = [
        line.removeprefix("#   ") for line in bundle.rendered("values.yaml").splitlines() if line.startswith("#   ")
    ]
    make, _, install = "\n".join(lines).rpartition("\n")
    made = subprocess.run(
        ["sh", "-euc", f"{make} --dry-run=client --output=json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    secret = json.loads(made.stdout)
    assert secret["metadata"]["name"] == NEEDED["kairos-edge"]["existingSecret"]
    assert {name: base64.b64decode(value).decode() for name, value in secret["data"].items()} == {
        "BROKER_URL": "rediss://u:p@broker/0?a=b&c=d",
        "KAIROS_BROKER_CA_FILE": "/etc/kairos/broker-ca.pem",
        "region-key.json": "region-key.json",
        "broker-ca.pem": "broker-ca.pem",
    }
    assert "deploy/helm/kairos-edge --values values.yaml" in install


def test_control_plane_is_installed_as_the_how_to_says() -> None:
    """Its --set arguments, read by Helm, render."""
    page = (ROOT / "docs" / "how-to" / "helm.md").read_text().replace("\\\n", " ")
    (line,) = re.findall(r"^helm upgrade --install kairos deploy/helm/kairos .*$", page, re.MULTILINE)
    words = shlex.split(line)
    given = [(word, words[at + 1]) for at, word in enumerate(words) if word in {"--set", "--set-string"}]
    assert len(given) >= 5
    values: dict[str, Any] = {}
    for _, text in given:
        for name, value in helm().parse_set_string(text).items():
            values[name] = {**values[name], **value} if isinstance(value, dict) and name in values else value
    assert rendered("kairos", values)
    web = pods("kairos", values)["demo-web"]["containers"][0]["env"]
    assert {"name": "KAIROS_HTTPS", "value": "1"} in web
