"""The reconstructed carphone clip of `reconstruct`'s tests."""

from tests.lcvd.reconstruct.conftest import carphone, reconstructed, settings  # noqa: F401
