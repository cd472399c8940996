"""Studio clips against their ground truth: the pipeline recovers pose, light, mask and landmarks."""

import numpy as np
import pytest

from benchmarks.studio import measure
from lcvd.config.profiles import profile
from lcvd.face.head import load_head
from lcvd.render.hints import hints_of
from lcvd.studio.clip import StudioClip
from lcvd.studio.subjects import load_subject


def frames_of(clip: StudioClip) -> np.ndarray:
    return np.concatenate([frames for frames, _ in clip.render()])


def test_an_address_is_parsed_and_errors_name_the_field() -> None:
    clip = StudioClip.parse("studio:hopper?seed=3&frames=20&light=left&size=128")
    assert clip == StudioClip("hopper", 3, "left", 20, 128)
    assert StudioClip.parse("studio:astronaut") == StudioClip("astronaut")
    assert StudioClip.parse("studio:head-7?seed=3") == StudioClip("head-7", 3)
    for address, wrong in {
        "studio:nobody": "one of astronaut, hopper",
        "file:astronaut": "one of astronaut, hopper",
        "studio:head-10000": "hopper-<n> with n from 0 to 9999",
        "studio:head-07": "head-<n>",
        "studio:hopper?light=lefft": "light 'lefft'",
        "studio:hopper?frames=-1": "frames is '-1'; expected a whole number from 1",
        "studio:hopper?size=4096": "size is '4096'",
        "studio:hopper?sed=1": "'sed' isn't a field",
    }.items():
        with pytest.raises(ValueError, match="studio:|file:") as caught:
            StudioClip.parse(address)
        assert wrong in str(caught.value)


def test_a_seed_fixes_the_bytes_and_the_motion_is_independent_of_the_light() -> None:
    first = StudioClip("astronaut", 5, frames=6, size=96)
    np.testing.assert_array_equal(frames_of(first), frames_of(first))
    assert (frames_of(first) != frames_of(StudioClip("astronaut", 6, frames=6, size=96))).any()
    left, right = (StudioClip("astronaut", 5, light, 6, 96) for light in ("left", "right"))
    np.testing.assert_array_equal(left.truth().pose, right.truth().pose)
    hint = np.concatenate(list(hints_of(load_head(), left.truth(), 96)))
    face, columns = hint.max(-1) > 0, np.arange(96)[None, None].repeat(6, 0).repeat(96, 1)
    change = frames_of(left).astype(float).mean(-1) - frames_of(right).astype(float).mean(-1)
    assert np.corrcoef(columns[face], change[face])[0, 1] < -0.5, "lit from the left, the left is brighter"


@pytest.mark.parametrize("identity", ["hopper", "head-2"])
def test_light_own_is_the_constant_light_of_the_subject(identity: str) -> None:
    clip = StudioClip.parse(f"studio:{identity}?seed=5&frames=4&size=96&light=own")
    still, truth = load_subject(identity, 96).codes, clip.truth()
    np.testing.assert_array_equal(truth.light, np.repeat(still.light, 4, axis=0))
    np.testing.assert_array_equal(truth.pose, StudioClip(identity, 5, "left", 4, 96).truth().pose)
    assert np.abs(truth.light[0] - StudioClip(identity, 5, frames=4, size=96).truth().light).max() > 0.1


@pytest.mark.parametrize("identity", ["astronaut", "hopper", "head-2"])
def test_reconstruct_recovers_the_ground_truth(identity: str, tmp_path) -> None:
    found = measure(StudioClip(identity, 11, frames=40), tmp_path, profile("demo"))
    medians = {name: float(np.median(values)) for name, values in found.items()}
    assert medians["pose_deg"] < 3.5
    assert medians["light_deg"] < 35
    assert medians["coefficient"] < 0.5
    assert medians["mask_iou"] > 0.88
    assert medians["landmark"] < 0.03
