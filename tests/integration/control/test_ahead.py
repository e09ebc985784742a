"""Questions that are sent before their answers are needed."""

import pytest
from django.db import DataError, connection, transaction
from django.test.utils import CaptureQueriesContext

from probes.selectors.ahead import sent

pytestmark = pytest.mark.django_db

IN_FLIGHT = "SELECT pg_sleep(0.05), %(told)s"


def test_block_runs_before_the_rows_are_there_and_it_is_one_query() -> None:
    with CaptureQueriesContext(connection) as captured, sent(IN_FLIGHT, {"told": "this"}) as answer:
        assert connection.connection.pgconn.pipeline_status  # nobody has waited
    assert [row[1:] for row in answer.rows] == [("this",)]
    assert len(captured) == 1


def test_statement_that_fails_does_so_after_the_block_and_the_connection_goes_on() -> None:
    reached = False
    with pytest.raises(DataError), transaction.atomic(), sent("SELECT 1 / %(by)s", {"by": 0}):
        reached = True
    assert reached
    with sent("SELECT %(one)s", {"one": 1}) as answer:
        pass
    assert answer.rows == [(1,)]


def test_block_that_fails_is_what_is_told_and_the_connection_goes_on() -> None:
    with pytest.raises(LookupError), sent("SELECT %(one)s", {"one": 1}) as answer:
        raise LookupError
    assert not answer.rows
    with connection.cursor() as cursor:
        cursor.execute("SELECT 2")
        assert cursor.fetchone() == (2,)
