"""What a run can do besides: half precision with a scaled loss, compiled blocks, videos, trackers."""

import csv
from pathlib import Path

import pytest

from lcvd.video.probe import probe
from tests.lcvd.train.conftest import SIZE, tiny
from tests.lcvd.train.worker import start


def curve(place: Path) -> list[float]:
    with (place / "out/dvclive/plots/metrics/train/loss.tsv").open(newline="") as stream:
        return [float(row["loss"]) for row in csv.DictReader(stream, delimiter="\t")]


@pytest.fixture(scope="module")
def places(shards: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Runs by name."""
    root = tmp_path_factory.mktemp("options")
    adamw = {"name": "adamw", "lr": 1e-3}
    watch = {"log_every": 1, "held_out_windows": 2}
    videos = watch | {"video_every": 2, "video_clips": 2}
    runs = {
        "plain": tiny(steps=3, optimiser=adamw, watch=watch | {"trackers": ["tensorboard"]}),
        "fp16": tiny(steps=3, optimiser=adamw, watch=watch, precision="fp16", engine={"zero": 1}),
        "videos": tiny(steps=3, optimiser=adamw, watch=videos),
    }
    start(1, [(settings, shards, root / name) for name, settings in runs.items()], root / "all")
    return {name: root / name for name in runs}


@pytest.mark.slow
def test_half_precision_follows_and_isnt_the_same(places: dict[str, Path]) -> None:
    plain, half = curve(places["plain"]), curve(places["fp16"])
    assert half == pytest.approx(plain, rel=0.02)
    assert half != plain
    assert half[-1] < half[0], "no step was skipped for good"


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_compiled_blocks_train_alike(places: dict[str, Path], shards: Path, tmp_path: Path) -> None:
    settings = tiny(steps=3, optimiser={"name": "adamw", "lr": 1e-3}, watch={"log_every": 1}, engine={"compile": True})
    start(1, [(settings, shards, tmp_path)], tmp_path)
    assert curve(tmp_path) == pytest.approx(curve(places["plain"]), rel=1e-4)


@pytest.mark.slow
def test_videos_are_made_and_change_nothing(places: dict[str, Path]) -> None:
    films = sorted((places["videos"] / "scratch/log/videos/00000002").iterdir())
    assert [film.name for film in films] == ["disc-a.mp4", "disc-b2.mp4"]
    found = probe(films[0])
    assert (found.width, found.height) == (3 * SIZE, SIZE)
    assert curve(places["videos"]) == curve(places["plain"])


@pytest.mark.slow
def test_tensorboard_gets_events(places: dict[str, Path]) -> None:
    assert list((places["plain"] / "scratch/log/tensorboard").glob("events.*"))
