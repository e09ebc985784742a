"""The page about the demonstration says what the script says."""

from pathlib import Path

from kairos.demo.script import IMAGES, REGIONS, ScriptedImage

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "demo.md"


def row(scripted: ScriptedImage) -> str:
    tag = "@sha256:…" if scripted.check.by_digest else f":{scripted.check.tag or scripted.tag}"
    name = f"`{scripted.repository}{tag}`" + (" at `hub.kairos.test`" if scripted.home == "hub" else "")
    found = [" or ".join(f"`{reason}`" for reason in scripted.reasons(region)) for region in REGIONS]
    seen = found if not scripted.check.paused else ["paused"] * len(REGIONS)
    return f"| {name} | {scripted.story} | {' | '.join(seen)} |"


def test_the_page_has_the_scripts_table() -> None:
    head = f"| image | what happens | {' | '.join(REGIONS)} |"
    table = "\n".join((head, "|---|---|---|---|---|", *map(row, IMAGES)))
    assert table in PAGE.read_text(encoding="utf-8"), f"put this table into {PAGE.name}:\n\n{table}"
