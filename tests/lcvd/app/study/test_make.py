import cv2
import numpy as np
import pytest

from lcvd.app.study.make import BALL, make_study
from lcvd.app.study.material import open_study
from lcvd.errors import UsageError
from lcvd.evaluate.result_folders import read_result
from lcvd.video.encode import write_lossless

FRAMES = np.random.default_rng(0).integers(0, 256, (5, 64, 64, 3), dtype=np.uint8)


@pytest.fixture
def given(tmp_path):
    """Results of two methods, one as videos and one as PNGs, of a clip and of an animation."""
    (tmp_path / "clips").mkdir()
    (tmp_path / "lights").mkdir()
    write_lossless(tmp_path / "clips" / "anna.mkv", [FRAMES], 25)
    cv2.imwrite(str(tmp_path / "clips" / "bob.png"), FRAMES[1])
    cv2.imwrite(str(tmp_path / "lights" / "window.png"), FRAMES[2])
    for clip, light in (("anna", "left"), ("bob__anna", "window")):
        (tmp_path / "a" / clip).mkdir(parents=True)
        write_lossless(tmp_path / "a" / clip / f"{light}.mkv", [FRAMES], 25)
        (tmp_path / "b" / clip / light).mkdir(parents=True)
        for number, frame in enumerate(FRAMES):
            cv2.imwrite(str(tmp_path / "b" / clip / light / f"{number:04}.png"), frame)
    return tmp_path


def made(given, **changes):
    how = {
        "methods": {"ours": given / "a", "theirs": given / "b"},
        "clips": given / "clips",
        "lights": given / "lights",
    }
    return make_study(given / "study", **how | changes)


def test_results_become_a_study(given):
    assert made(given) == 2
    study = open_study(given / "study")
    assert (study.methods, study.shots) == (("ours", "theirs"), ("anna_left", "bob__anna_window"))
    for trial in study.trials.values():
        assert np.concatenate(list(read_result(study.media[trial.video]))).shape == FRAMES.shape
    np.testing.assert_array_equal(cv2.imread(str(given / "study/reference/anna_left.png"))[..., ::-1], FRAMES[0])
    np.testing.assert_array_equal(cv2.imread(str(given / "study/reference/bob__anna_window.png")), FRAMES[1])
    np.testing.assert_array_equal(cv2.imread(str(given / "study/light/bob__anna_window.png")), FRAMES[2])
    ball = cv2.imread(str(given / "study/light/anna_left.png"))
    assert ball.shape == (BALL, BALL, 3)
    assert ball[:, : BALL // 2].mean() > 2 * ball[:, BALL // 2 :].mean()


def test_a_study_is_never_written_over(given):
    made(given)
    with pytest.raises(UsageError, match="choose another folder"):
        made(given)


def test_all_that_is_missing_is_named_and_nothing_is_left(given):
    (given / "a" / "anna" / "left.mkv").unlink()
    (given / "clips" / "bob.png").unlink()
    with pytest.raises(ValueError, match="missing") as caught:
        made(given, lights=None)
    for word in (
        "a/anna/left: missing",
        "clips/bob__anna: no image",
        "window: not a preset; put window.png into --lights",
    ):
        assert word in str(caught.value)
    assert not (given / "study").exists()
    with pytest.raises(ValueError, match="no such folder of results"):
        made(given, methods={"ours": given / "c"})
    (given / "c").mkdir()
    with pytest.raises(ValueError, match=r"no results; expected <clip>/<light>\.mkv"):
        made(given, methods={"ours": given / "c"})
