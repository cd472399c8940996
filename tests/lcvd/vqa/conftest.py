"""The frames, settings and clips of `filter`'s tests."""

from tests.lcvd.filter.conftest import carphone, clip_from, settings  # noqa: F401
