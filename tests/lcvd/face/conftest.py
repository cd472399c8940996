"""The frames of `filter`'s tests."""

from tests.lcvd.filter.conftest import carphone  # noqa: F401
