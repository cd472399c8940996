import numpy as np
import pytest

from lcvd.face.mask import PortraitMasker, clean
from lcvd.video.clip import Clip
from lcvd.video.decode import read


def test_holes_are_filled_specks_dropped_and_the_body_may_leave_at_the_bottom():
    mask = np.zeros((60, 60), bool)
    mask[10:60, 20:40] = True
    mask[20:25, 25:30] = False
    mask[50:60, 28:32] = False  # a gap that is open to the bottom border only
    mask[2:3, 2:4] = True
    cleaned = clean(mask) > 0
    assert cleaned[20:25, 25:30].all()
    assert cleaned[50:60, 28:32].all()
    assert not cleaned[:10].any()
    assert set(np.unique(clean(mask))) <= {0, 255}
    assert not clean(np.zeros((8, 8), bool)).any()


@pytest.mark.parametrize("name", ["lp_d10_woman_talk_greywall", "lcvd_wda_dingell"])
def test_a_person_fills_a_sensible_part_and_edges_are_steady(clips_dir, name):
    path = clips_dir / f"{name}.mp4"
    if not path.exists():
        pytest.skip(f"{path.name} isn't among the clips")
    clip = Clip("a", "a", path, "", 0, 60, 25.0, 512, 512, None, "", "")
    masker = PortraitMasker()
    masks = masker.update(read(clip, range(30, 40))[:, ::2, ::2])
    masker.close()
    side = masks.shape[1]
    assert 0.2 < (masks > 0).mean() < 0.9
    assert (masks[:, side // 2, side // 2] == 255).all()
    assert (masks[:, 0, 0] == 0).all()
    assert np.abs(np.diff((masks > 0).astype(int), axis=0)).mean() < 0.02
