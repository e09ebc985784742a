"""What is discovered is written so that it is read as it was, whatever it holds."""

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from probes.policy.discovery.document import Wishes, documents, merged, name_of, written
from probes.policy.discovery.finding import Found, Place

WEB = "ghcr.io/org/web:1"

PART = st.from_regex(r"[a-z0-9]{1,3}(?:[._-][a-z0-9]{1,3})?", fullmatch=True)
TAG = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,4}", fullmatch=True)
REFERENCE = st.builds(
    lambda host, path, tag: f"{host}/{'/'.join(path)}:{tag}",
    st.sampled_from(["a.b", "a.b:5", "a.b-5", "localhost"]),
    st.lists(PART, min_size=1, max_size=4),
    TAG,
)


@settings(max_examples=40)
@given(st.lists(REFERENCE, unique=True, max_size=8))
def test_no_two_references_have_one_name(references: list[str]) -> None:
    names = {name_of(reference) for reference in references}
    assert len(names) == len(references)
    for name in names:
        assert len(name) <= 100
        assert name[0].isalnum()
        assert name[-1].isalnum()


@settings(max_examples=40)
@given(st.dictionaries(st.text(min_size=1), st.text(), max_size=5))
def test_every_text_comes_back_as_it_was(labels: dict[str, str]) -> None:
    shown = {name: value for name, value in labels.items() if _is_whole(name + value)}
    values = documents(merged([Found(WEB, Place("a"))]), Wishes(labels=shown), complete=True)
    (back,) = yaml.safe_load_all(written(values))
    assert back["metadata"].get("labels", {}) == shown


def _is_whole(text: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in text)
