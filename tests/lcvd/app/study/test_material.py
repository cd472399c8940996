import pytest

from lcvd.app.study.material import KEY_FILE, open_study
from tests.lcvd.app.study.conftest import METHODS, SHOTS


def test_every_video_is_a_trial_with_its_shot_s_pictures(study, folder):
    assert {(t.method, t.shot) for t in study.trials.values()} == {(m, s) for m in METHODS for s in SHOTS}
    for trial in study.trials.values():
        assert study.media[trial.video] == folder / "videos" / trial.method / f"{trial.shot}.mp4"
        assert study.media[trial.reference] == folder / "reference" / f"{trial.shot}.png"
        assert study.media[trial.light] == folder / "light" / f"{trial.shot}.png"
    assert len(study.media) == 6 + 6


def test_each_rater_has_an_order_of_their_own_that_stays(study, folder):
    orders = {rater: [trial.id for trial in study.order(rater)] for rater in "abcdefgh"}
    assert all(sorted(order) == sorted(study.trials) for order in orders.values())
    assert len({tuple(order) for order in orders.values()}) > 4
    again = open_study(folder)
    assert [trial.id for trial in again.order("a")] == orders["a"]


def test_ids_of_another_key_are_others(study, folder):
    assert (folder / KEY_FILE).stat().st_mode & 0o077 == 0
    (folder / KEY_FILE).unlink()
    assert not set(open_study(folder).trials) & set(study.trials)
    (folder / KEY_FILE).write_text("no key")
    with pytest.raises(ValueError, match="not a study's key; delete it"):
        open_study(folder)


def test_what_is_missing_is_named(folder):
    (folder / "videos" / METHODS[1] / f"{SHOTS[0]}.mp4").unlink()
    (folder / "light" / f"{SHOTS[2]}.png").rename(folder / "light" / f"{SHOTS[2]}.jpg")
    (folder / "reference" / f"{SHOTS[1]}.png").unlink()
    with pytest.raises(FileNotFoundError) as caught:
        open_study(folder)
    assert str(caught.value).endswith(f"lacks reference/{SHOTS[1]}.png, videos/{METHODS[1]}/{SHOTS[0]}.mp4")


def test_a_folder_without_videos_is_no_study(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"videos/<method>/<shot>\.mp4"):
        open_study(tmp_path)


def test_a_link_out_of_the_folder_is_refused(folder, tmp_path):
    path = folder / "videos" / METHODS[0] / f"{SHOTS[0]}.mp4"
    path.rename(tmp_path / "elsewhere.mp4")
    path.symlink_to(tmp_path / "elsewhere.mp4")
    with pytest.raises(ValueError, match="links to .* outside of"):
        open_study(folder)
