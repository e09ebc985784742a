"""What is exported is what is stored: applied again, it changes nothing."""

from datetime import datetime
from io import StringIO
from pathlib import Path

import pytest
import yaml
from django.core.management import CommandError, call_command

from probes.models import Registry, Resource
from probes.policy.declared import writing
from probes.policy.declared.kinds import Kind
from probes.selectors.declared import everything
from tests.integration.declared.conftest import Apply
from tests.integration.declared.test_applying import ALL

NOON = datetime.fromisoformat("2026-03-01T12:00:00+00:00")


def exported() -> str:
    return "".join(writing.text(writing.documents(everything(Kind))))


def test_what_is_exported_and_applied_changes_nothing(apply: Apply) -> None:
    apply(ALL)
    text = "".join(writing.text(writing.documents(everything(Kind, source="shop-git"))))

    again = apply(
        "{apiVersion: kairos/v1, kind: Source, metadata: {name: shop-git}, spec: {complete: true}}\n---\n" + text
    )

    assert again.is_nothing
    assert again.plan.unchanged == 6


def test_export_leaves_out_what_is_by_default_and_nothing_else(apply: Apply) -> None:
    apply(ALL)

    documents = {item["kind"]: item for item in yaml.safe_load_all(exported())}

    assert documents["Policy"] == {
        "apiVersion": "kairos/v1",
        "kind": "Policy",
        "metadata": {"name": "strict"},
        "spec": {"terms": {"severity": "warning"}},
    }
    assert documents["Image"]["metadata"] == {"name": "web", "labels": {"team": "shop"}}
    assert documents["Image"]["spec"]["terms"] == {"failures": 2, "uptime_target_percent": 99.9}
    assert documents["Endpoint"]["spec"]["endpoint"] == {"headers": {"X-Probe": "s3cret"}, "statuses": "200-204"}


def test_command_writes_what_is_asked_for(apply: Apply, tmp_path: Path) -> None:
    apply(ALL)
    out = StringIO()

    call_command("export", kinds=["Image"], source="shop-git", stdout=out)
    assert [item["kind"] for item in yaml.safe_load_all(out.getvalue())] == ["Image"]

    call_command("export", output=str(tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(f"{kind.lower()}.yaml" for kind in Kind)
    call_command("export", output=f"{tmp_path}/made/")
    assert (tmp_path / "made/image.yaml").read_text() == (tmp_path / "image.yaml").read_text()
    call_command("export", output=str(tmp_path / "all.yaml"))
    assert (tmp_path / "all.yaml").read_text() == exported()
    with pytest.raises(CommandError, match="No such file"):
        call_command("export", output=str(tmp_path / "none" / "all.yaml"))


def test_what_is_retired_is_not_exported(apply: Apply) -> None:
    apply(ALL)
    Resource.objects.update(paused_at=NOON, retired_at=NOON)

    assert "Image" not in exported()
    assert Registry.objects.exists()


def test_what_may_be_secret_is_exported_with_a_warning(apply: Apply) -> None:
    apply(ALL)
    err = StringIO()
    call_command("export", stdout=StringIO(), stderr=err)
    assert err.getvalue().startswith("Headers, bodies or queries of 1 endpoints are written as they are stored")
    err = StringIO()
    call_command("export", kinds=["Image"], stdout=StringIO(), stderr=err)
    assert err.getvalue() == ""


def test_what_is_read_page_by_page_is_the_whole(apply: Apply, monkeypatch: pytest.MonkeyPatch) -> None:
    image = "{{apiVersion: kairos/v1, kind: Image, metadata: {{name: {}}}, spec: {{reference: ghcr.io/a/b:1}}}}"
    apply("\n---\n".join(image.format(name) for name in ("a-b", "a.b", "ab", "a_b", "b", "9")))
    whole = [row.name for row in everything([Kind.IMAGE])]

    for size in (1, 2, 3, 6):
        monkeypatch.setattr("probes.selectors.declared._AT_ONCE", size)
        assert [row.name for row in everything([Kind.IMAGE])] == whole
    assert sorted(whole) == sorted(["a-b", "a.b", "ab", "a_b", "b", "9"])
