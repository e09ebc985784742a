"""The pure parts of `manage.py up`."""

import io

import pytest

from kairos.environment import Bind, RegionName
from kairos.up import banner
from kairos.up.backoff import LONGEST_SECONDS, SETTLED_SECONDS, BackOff
from kairos.up.console import Console, Lines
from kairos.up.supervisor import describe_exit


def written(out: io.StringIO) -> list[str]:
    """Return the lines without their times."""
    return [line[9:] for line in out.getvalue().splitlines()]


class TestBackOff:
    def test_pause_doubles_with_each_early_death_up_to_a_bound(self) -> None:
        back_off, pauses = BackOff(), []
        for _ in range(8):
            back_off = back_off.after_death(lived_seconds=0.5)
            pauses.append(back_off.seconds)
        assert pauses == [1, 2, 4, 8, 16, 30, 30, 30]

    def test_long_life_is_forgiven(self) -> None:
        assert BackOff(LONGEST_SECONDS).after_death(lived_seconds=SETTLED_SECONDS).seconds == 1


class TestConsole:
    def test_lines_are_marked_with_who_wrote_them(self) -> None:
        out = io.StringIO()
        console = Console(["web", "eu-west"], out=out)
        console.line("web", "hello")
        console.say("ready")
        assert written(out) == ["web     | hello", "kairos  | ready"]

    def test_output_is_put_together_to_lines(self) -> None:
        out = io.StringIO()
        lines = Lines(Console(["web"], out=out), "web")
        for chunk in (b"on", b"e\ntwo\r\nthr", b"ee", b"\n\xff\n"):
            lines({"data": chunk})
        assert written(out) == [
            "web    | one",
            "web    | two",
            "web    | three",
            "web    | \N{REPLACEMENT CHARACTER}",
        ]

    def test_last_words_need_no_line_end(self) -> None:
        out = io.StringIO()
        lines = Lines(Console(["web"], out=out), "web")
        lines({"data": b"argh"})
        lines.flush()
        lines.flush()
        assert written(out) == ["web    | argh"]

    def test_line_without_an_end_is_cut(self) -> None:
        out = io.StringIO()
        lines = Lines(Console(["web"], out=out), "web")
        for _ in range(20):
            lines({"data": b"x" * 1024})
        assert len(written(out)) == 1

    @pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)])
    def test_colours_are_for_terminals_that_want_them(
        self, monkeypatch: pytest.MonkeyPatch, no_color: str, *, coloured: bool
    ) -> None:
        class Terminal(io.StringIO):
            def isatty(self) -> bool:
                return True

        monkeypatch.setenv("NO_COLOR", no_color)
        out = Terminal()
        Console([], out=out).say("hello")
        assert ("\x1b[" in out.getvalue()) is coloured

    def test_reader_that_leaves_stops_nothing(self) -> None:
        class Broken(io.StringIO):
            def write(self, _text: str) -> int:
                raise BrokenPipeError

        console = Console([], out=Broken())
        console.say("one")
        console.say("two")


class TestBanner:
    REGIONS = (RegionName("eu-west", "Europe"), RegionName("us-east", "America"))

    def test_password_is_shown_when_there_is_one(self) -> None:
        told = {"admin": "admin", "admin_password": "swordfish"}
        text = banner.text(Bind("127.0.0.1", 8000), self.REGIONS, told, [("registry", "https://registry.test")])
        assert "log in as   admin / swordfish   (shown this once)" in text
        assert "regions     eu-west, us-east" in text
        assert "registry    https://registry.test" in text

    def test_no_region_is_told_as_such(self) -> None:
        """All of them may be retired."""
        assert "regions     none\n" in banner.text(Bind("::1", 80), (), {"admin": "admin", "admin_password": ""})

    def test_user_alone_is_shown_later(self) -> None:
        text = banner.text(Bind("127.0.0.1", 8000), self.REGIONS, {"admin": "admin", "admin_password": ""})
        assert "log in as   admin\n" in text

    @pytest.mark.parametrize(
        ("bind", "url"),
        [
            (Bind("127.0.0.1", 8000), "http://127.0.0.1:8000/"),
            (Bind("0.0.0.0", 80), "http://127.0.0.1:80/"),  # noqa: S104 - nothing is bound
            (Bind("::", 80), "http://[::1]:80/"),
        ],
    )
    def test_address_is_one_that_a_browser_here_can_open(self, bind: Bind, url: str) -> None:
        assert banner.url(bind) == url


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (0, "ended with status 0"),
        (3, "ended with status 3"),
        (-9, "was ended by SIGKILL"),
        (-40, "was ended by signal 40"),
        (None, "ended"),
    ],
)
def test_end_of_a_child_is_described(status: int | None, words: str) -> None:
    assert describe_exit(status) == words
