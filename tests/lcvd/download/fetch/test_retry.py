import email.utils
from datetime import UTC, datetime, timedelta

import pytest

from lcvd.download.fetch.retry import retry_after_seconds


@pytest.mark.parametrize("value", ["7", " 7 "])
def test_pauses_in_seconds(value: str) -> None:
    assert retry_after_seconds(value) == 7


def test_pauses_until_a_date() -> None:
    date = email.utils.format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    assert 50 < retry_after_seconds(date) <= 60
    assert (
        retry_after_seconds("Wed, 21 Oct 2015 07:28:00 GMT")
        == retry_after_seconds("soon")
        == retry_after_seconds(None)
        == 0
    )
