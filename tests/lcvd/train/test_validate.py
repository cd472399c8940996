"""The held-out loss, from frames and from prepared latents."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import distributed

from lcvd.model.fingerprint import prepared_key
from lcvd.model.lcvd import LCVD
from lcvd.model.objective import Objective
from lcvd.shard.sample import shard_paths
from lcvd.train.validate import HeldOut
from tests.lcvd.train.conftest import SIZE, tiny

SETTINGS = tiny(watch={"held_out_windows": 6}, max_broken=0.4).train


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A process group of one."""
    place = tmp_path_factory.mktemp("group") / "store"
    distributed.init_process_group("gloo", init_method=f"file://{place}", rank=0, world_size=1)
    yield
    distributed.destroy_process_group()


@pytest.fixture(scope="module")
def objective() -> Objective:
    model = LCVD.fresh(SETTINGS.model, 0)
    with torch.no_grad():
        for parameter in model.adapters.parameters():  # the zeros of a new adapter would hide the reference image
            parameter.add_(0.01)
    return Objective(model, SETTINGS.objective)


def test_prepared_latents_give_the_loss_of_the_frames_up_to_float16(
    shards: Path, objective: Objective, alone: None
) -> None:
    key = prepared_key(objective.model.codec, objective.model.image_encoder, SIZE)
    pixels, prepared = (HeldOut(shards, SETTINGS, 0, each).measure(objective) for each in (None, key))
    torch.testing.assert_close(prepared.losses_W2, pixels.losses_W2, rtol=2e-3, atol=0)
    assert torch.equal(prepared.sigma_W, pixels.sigma_W)
    assert not torch.equal(prepared.losses_W2, pixels.losses_W2), "the frames were encoded again"


def test_a_broken_clip_is_left_out_as_in_training(
    shards: Path, objective: Objective, alone: None, tmp_path: Path
) -> None:
    """Where no clip is held out, those of training serve, of which some may be broken."""
    shutil.copytree(shards, tmp_path / "shards")
    torn = shard_paths(tmp_path / "shards", "train")[1]
    torn.write_bytes(torn.read_bytes()[:700])
    found = HeldOut(tmp_path / "shards", SETTINGS, 0)
    assert (found.split, found.shared, list(found.clips.broken)) == ("train", True, ["disc-b2"])
    assert found.measure(objective).losses_W2.isfinite().all()
