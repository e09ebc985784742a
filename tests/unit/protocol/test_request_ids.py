"""By what a host's operator finds a request."""

import pytest

from probes.protocol.request_ids import request_id


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ([("x-request-id", " 8f14e45f-ceea-467f ")], "8f14e45f-ceea-467f"),
        ([("cf-ray", "8a1b2c3d4e5f-FRA"), ("x-amz-request-id", "TX234S0F24A06C7")], "TX234S0F24A06C7"),
        ([("x-request-id", "two words"), ("cf-ray", "8a1b2c3d4e5f-FRA")], "8a1b2c3d4e5f-FRA"),
        ([("x-request-id", "<script>")], None),
        ([("x-request-id", "a" * 129)], None),
        ([("date", "Fri, 27 Nov 2026 03:00:00 GMT")], None),
        ([], None),
    ],
)
def test_it_is_the_most_telling_number_that_an_answer_names(
    headers: list[tuple[str, str]], found: str | None
) -> None:
    assert request_id(headers) == found
