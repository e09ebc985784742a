"""Nothing secret comes out again, whatever the secret is, wherever and however a registry echoes it."""

import base64
from urllib.parse import quote, quote_plus, unquote, unquote_plus

from hypothesis import given, settings
from hypothesis import strategies as st

from probes.protocol.conversation import Done
from probes.protocol.errors import clean_text
from probes.protocol.outcome import Conclusion
from probes.protocol.redaction import HIDDEN, WITHHELD, scrub, scrub_url
from probes.protocol.urls import redact
from tests.fakes.trickster import Trickster

LONG = 6  # from here on a secret is no accident in what is shown; a shorter one is a syllable of any sentence
seeds = st.integers(min_value=0, max_value=2**32 - 1)
letters = st.characters(exclude_categories=["Cs"])
secrets = st.text(letters, min_size=LONG, max_size=300).filter(lambda text: len(set(text.strip())) > 4)
ordinary = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=64)
long_ordinary = ordinary.filter(lambda text: len(text) >= LONG)
examples = settings(max_examples=250, derandomize=True, database=None, deadline=None)


def forms(secret: str) -> set[str]:
    """Return what of a secret may not be seen: the ways in which anybody reads it back at once."""
    encoded = base64.b64encode(secret.encode()).decode()
    return {
        secret,
        quote(secret, safe=""),
        quote(secret),
        quote_plus(secret),
        encoded.rstrip("="),
        base64.urlsafe_b64encode(secret.encode()).decode().rstrip("="),
        repr(secret)[1:-1],
        ascii(secret)[1:-1],
    }


def assert_hidden(secret: str, shown: str) -> None:
    for view in (shown, unquote(shown), unquote_plus(shown)):
        for form in forms(secret):
            assert form not in view


def told_by(conclusion: Conclusion) -> list[str]:
    """Return all of an outcome that a registry has a hand in; the rest is our own words."""
    source = conclusion.rate_limit.source if conclusion.rate_limit else None
    platforms = (item.platform for item in conclusion.platforms)
    return [conclusion.detail, conclusion.host or "", source or "", *conclusion.notices, *platforms]


@examples
@given(seed=seeds, password=secrets | long_ordinary, identity=secrets, bearer=long_ordinary)
def test_nothing_secret_is_in_the_conclusion_or_the_steps(
    seed: int, password: str, identity: str, bearer: str
) -> None:
    """T35, S19."""
    dialogue = Trickster(seed, password=password, identity=identity, bearer=bearer)
    done = dialogue.talk()
    secret = dialogue.secret
    told = (*told_by(done.conclusion), *(scrub_url(redact(ask.url), done.secrets) for ask in dialogue.asks))
    shown = [text for text in told if text != WITHHELD]  # whose own words a secret may be
    for kept in filter(None, (secret.password, secret.identity_token, secret.bearer)):
        cleaned = clean_text(kept, len(kept))
        for text in shown:
            assert_hidden(kept, text)
            assert len(cleaned) < LONG or cleaned not in text
    for kept in done.secrets:
        if len(kept) >= LONG:
            for text in shown:
                assert kept not in text


@examples
@given(seed=seeds, password=ordinary)
def test_short_secret_takes_the_whole_text_with_it(seed: int, password: str) -> None:
    """T35: a replacement would show its length and its place."""
    dialogue = Trickster(seed, password=password)
    done = dialogue.talk()
    if dialogue.secret.password:
        for text in (
            done.conclusion.detail,
            (done.conclusion.rate_limit and done.conclusion.rate_limit.source) or "",
        ):
            assert password not in text or text.startswith("(withheld")


@examples
@given(seed=seeds, password=secrets.map(lambda text: f"¤{text}¤"))  # like no word of ours
def test_values_of_the_conversation_show_no_secret_when_printed(seed: int, password: str) -> None:
    """S19: a state, an ask or an event may end up in a traceback."""
    dialogue = Trickster(seed, password=password)
    done = dialogue.talk()
    assert isinstance(done, Done)
    printed = repr(dialogue.asks) + repr(done.memory) + repr(dialogue.secret)
    assert repr(password)[1:-1] not in printed


@settings(examples, max_examples=50)
@given(
    before=st.text(alphabet="ab ", max_size=6),
    secret=st.text(alphabet="abc-", min_size=1, max_size=12),
    after=st.text(alphabet="ab ", max_size=6),
    length=st.integers(min_value=0, max_value=30),
)
def test_no_cut_leaves_a_telling_part(before: str, secret: str, after: str, length: int) -> None:
    shown = scrub((before + secret + after)[:length], [secret])
    assert secret not in shown or shown == WITHHELD
    assert not any(shown.rstrip(HIDDEN).endswith(secret[:size]) for size in range(6, len(secret)))
