"""The smallest model that relights."""

from typing import Any

import pytest


@pytest.fixture(scope="session")
def tiny_model() -> dict[str, Any]:
    """Settings of a model of 64 px and four frames."""
    return {
        "size": 64,
        "frames": 4,
        "overlap": 2,
        "latents": {"autoencoder": "tiny"},
        "unet": {"channels": (32, 32), "heads": (1, 1), "layers": 1, "time_ids_dim": 8},
        "image_encoder": {"width": 16, "layers": 1, "heads": 2, "mlp": 16, "patch": 56, "projection": 32},
    }
