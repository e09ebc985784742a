"""`manage.py up --demo`, from the first process to what the database says: the newcomer's minute."""

import shutil
import signal
import socket
from collections.abc import Iterator

import psycopg
import pytest
from playwright.sync_api import Page, expect, sync_playwright

from kairos.demo.script import IMAGES, REGIONS
from kairos.embedded import free_port
from probes.protocol.taxonomy import Reason
from tests.browser.conftest import FLAGS, WIDER, Seen
from tests.fakes.up import Up, run_to_end, state_directory
from tests.servers import wait_until

MINUTE = 60.0

SEEN = """
    SELECT resource.repository, region.slug, state.reason
      FROM probes_regionstate AS state
      JOIN probes_resource AS resource ON resource.id = state.resource_id
      JOIN probes_region AS region ON region.id = state.region_id
"""
VERDICTS = """
    SELECT DISTINCT CASE WHEN resource.paused_at IS NULL THEN verdict.state ELSE 'paused' END
      FROM probes_resource AS resource LEFT JOIN probes_verdict AS verdict ON verdict.resource_id = resource.id
"""
EGRESS = """
    SELECT DISTINCT worker.value -> 'egress' ->> 'state'
      FROM probes_region AS region, jsonb_each(region.heartbeat -> 'workers') AS worker
"""


def rows(run: Up, query: str) -> list[tuple[str, ...]]:
    with psycopg.connect((run.state / "database-url").read_text().strip()) as connection:
        return connection.execute(query.encode()).fetchall()


def unexpected(run: Up) -> list[tuple[str, str, str | None]]:
    """Return what is not seen as the script says: image, region and what is seen instead, None for nothing."""
    seen = {(repository, region): reason for repository, region, reason in rows(run, SEEN)}
    return [
        (scripted.repository, region, reason)
        for scripted in IMAGES
        for region in REGIONS
        if not scripted.check.paused
        and (
            not (reason := seen.get((scripted.repository, region))) or Reason(reason) not in scripted.reasons(region)
        )
    ]


def walk(run: Up) -> Iterator[str]:
    """Walk the pages in a browser, on a phone by night, and yield what is wrong with them."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:  # .ci/run installs it
        return
    address, seen = f"http://127.0.0.1:{run.port}", Seen()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        context = browser.new_context(base_url=address, viewport={"width": 360, "height": 740}, color_scheme="dark")
        seen.watch(context)
        page = context.new_page()
        for path in ("/", "/incidents/", "/compare/", "/registries/", "/regions/", "/events/"):
            page.goto(path)
            yield from (f"{path}: {said}" for said in page.evaluate(WIDER))
        yield from _from_the_matrix_to_the_evidence(page)
        browser.close()
    yield from seen.complaints
    yield from (url for url in seen.requests if not url.startswith(address))


def _from_the_matrix_to_the_evidence(page: Page) -> Iterator[str]:
    page.goto("/?state=unavailable")
    expect(page.locator("#live-text")).to_have_text("Live", timeout=20_000)
    page.locator("a.image-name").first.click()
    expect(page.locator("#sentence")).to_contain_text("regions")
    expect(page.locator("#ladder .has-broken").first).to_be_visible()
    page.locator("[data-wanted]").wait_for(state="detached")
    expect(page.locator("#timeline-regions svg.slots").first).to_be_visible()
    yield from page.evaluate(WIDER)


@pytest.mark.slow
def test_every_state_is_seen_within_a_minute_and_rests_afterwards() -> None:
    port = str(free_port())
    with state_directory() as state:
        with Up(state, "--no-samples", "--demo", "--demo-port", port) as run:
            run.wait_until_ready()
            wait_until(lambda: not unexpected(run), MINUTE, "every image seen as scripted")
            assert {"available", "degraded", "unavailable", "unknown", "paused"} == {
                verdict for (verdict,) in rows(run, VERDICTS)
            }
            assert {condition for (condition,) in rows(run, EGRESS)} == {"ok"}
            assert f"https://registry.kairos.test:{port} at 127.0.0.2" in run.output
            assert list(walk(run)) == []
            assert run.stop(signal.SIGTERM, 10) == 0
            assert run.processes == []
        with Up(state, "--no-samples") as run:
            run.wait_for("17 images of the demonstration rest until it runs again")
            assert [verdict for (verdict,) in rows(run, VERDICTS)] == ["paused"]


def test_a_taken_demo_port_is_one_line_that_names_it_and_starts_nothing() -> None:
    with state_directory() as state, socket.create_server(("127.0.0.4", 0)) as taken:
        port = taken.getsockname()[1]
        refused = run_to_end(state, "--demo", "--demo-port", str(port), "--bind", f"127.0.0.1:{free_port()}")
    assert refused.returncode == 1
    assert refused.stderr == (
        f"CommandError: port {port} on 127.0.0.4 cannot be used (Address already in use); "
        f"choose another with --demo-port {port + 1}\n"
    )


def test_a_demo_port_that_is_none_is_one_line() -> None:
    with state_directory() as state:
        refused = run_to_end(state, "--demo", "--demo-port", "70000")
    assert refused.stderr.splitlines() == ["CommandError: --demo-port: 70000 is not a port between 0 and 65531"]
