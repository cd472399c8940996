"""Published weights, which you bring."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[4]


@pytest.fixture(scope="session")
def published():
    """Folder of DPR's files in `LCVD_WEIGHTS` or ../shared/weights: the network, its test picture, its lights."""
    folder = Path(os.environ.get("LCVD_WEIGHTS", ROOT.parent / "shared" / "weights")) / "dpr"
    if not (folder / "trained_model_03.t7").is_file():
        pytest.skip(f"no DPR weights in {folder}: see `lcvd doctor`")
    return folder
