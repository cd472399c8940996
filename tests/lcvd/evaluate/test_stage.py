import json
import shutil

import av
import numpy as np
import pytest

from lcvd.config.profiles import DEMO
from lcvd.config.settings import Settings
from lcvd.evaluate.records_file import read_records
from lcvd.evaluate.stage import evaluate
from lcvd.face.head import load_head
from lcvd.model.lcvd import LCVD
from lcvd.model.pipeline import LCVDPipeline
from lcvd.render.hints import hints_of
from lcvd.report.build import build_report
from lcvd.report.tables import markdown, table_of
from lcvd.shard.sample import Meta, Sample
from lcvd.shard.write import write_shards
from lcvd.video.encode import write_h264, write_lossless
from tests.lcvd.evaluate.conftest import turning_head

SIZE, FRAMES = 64, 7


@pytest.fixture(scope="module")
def settings(tiny_model):
    return Settings.model_validate(
        DEMO
        | {"shard": {"size": SIZE}, "train": {"model": tiny_model}}
        | {"evaluate": {"clips": 2, "frames": 5, "steps": 1, "guidance": 1.5, "lights": ("left", "top")}}
    )


def _sample(id: str, folder, address: str = "made here") -> Sample:
    """A sample of the head itself, turning, skin-coloured, under a light from the front."""
    codes = turning_head(FRAMES, SIZE)
    hints = np.concatenate(list(hints_of(load_head(), codes, SIZE)))
    folder.mkdir()
    codes.save(folder / "codes.safetensors", {})
    write_h264(folder / "frames.mp4", [(hints * np.array([0.95, 0.72, 0.6])).astype(np.uint8)], 25)
    write_lossless(folder / "hints.mkv", [hints], 25)
    write_lossless(folder / "mask.mkv", [(hints.max(-1) > 0).astype(np.uint8) * 255], 25)
    meta = Meta(id, f"person-{id}", "test", FRAMES, SIZE, 25.0, "CC0", address, "0" * 64, 0, "test")
    parts = {path.name: path.read_bytes() for path in folder.iterdir()}
    return Sample(id, parts | {"meta.json": meta.to_json()}, "test")


@pytest.fixture(scope="module")
def data(tmp_path_factory, settings):
    """A shard folder with three test clips, of which one serves training too, and an untrained model."""
    root = tmp_path_factory.mktemp("data")
    samples = {id: _sample(id, root / id) for id in ("a", "b", "c")}
    write_shards(root / "shard", "test", samples, samples.__getitem__, 32.0)
    splits = {"a": ["test"], "b": ["train", "test"], "c": ["test"]}
    people = {f"person-{id}": names for id, names in splits.items()}
    text = json.dumps({"clips": splits, "identities": people, "shared": False, "same_clips": False})
    (root / "shard" / "splits.json").write_text(text)
    LCVDPipeline.of(LCVD.fresh(settings.train.model, seed=0)).save_pretrained(root / "train" / "model")
    return root


@pytest.fixture(scope="module")
def evaluated(data, settings):
    seen = []
    out = data / "evaluate"
    numbers = evaluate(data / "train" / "model", data / "shard", out, settings, lambda _, *at: seen.append(at))
    return out, numbers, seen


def test_numbers_cover_clips_lights_and_baselines(evaluated):
    out, numbers, _ = evaluated
    assert json.loads((out / "metrics.json").read_text()) == numbers
    assert (numbers["clips"], numbers["frames"]) == (2, 2 * 2 * 5)
    assert set(numbers["lights"]) == {"left", "top"}
    assert set(numbers["baselines"]) == {"copy", "driving", "ratio", "codec", "hint"}
    assert numbers["baselines"]["driving"]["ID(SFace)"] == pytest.approx(1)
    assert numbers["baselines"]["driving"]["FD(EfficientNet-lite0)"] == 0
    assert numbers["baselines"]["copy"]["ADJ(EfficientNet-lite0)"] == 0
    assert numbers["baselines"]["hint"]["LE(open)"] < numbers["baselines"]["driving"]["LE(open)"]
    assert numbers["baselines"]["hint"]["Light angle(open)"] < 10
    for metric in ("LE(open)", "Light angle(open)"):  # it relights, with the person's features kept
        assert numbers["baselines"]["ratio"][metric] < numbers["baselines"]["driving"][metric]
    assert numbers["baselines"]["ratio"]["ID(SFace)"] > 0.5
    assert set(numbers["metrics"]) <= {"LE(open)", "Light angle(open)", "ID(SFace)", "POSE(MediaPipe)"} | {
        "ADJ(EfficientNet-lite0)",
        "FD(EfficientNet-lite0)",
    }


def test_the_records_name_shared_people(evaluated):
    records = read_records(evaluated[0] / "records.json")
    assert records["run"]["shared_identities"] == ["person-b"]
    assert records["run"]["shared_clips"] == ["b"]
    assert "share identities" in markdown(table_of(records), intervals=True)


def test_videos_play_in_browsers(evaluated):
    folder = evaluated[0] / "videos"
    names = {f"{clip}_{light}{kind}.mp4" for clip in "ab" for light in ("left", "top") for kind in ("", "_side")}
    assert {path.name for path in folder.iterdir()} == names
    for path in folder.iterdir():
        with av.open(str(path)) as file:
            stream = file.streams.video[0]
            assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
            assert stream.frames == 5
            assert stream.width == (3 * SIZE if "side" in path.name else SIZE)


def test_progress_runs_to_its_end(evaluated):
    _, _, seen = evaluated
    assert seen[-1] == (20, 20)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_the_same_inputs_give_the_same_bytes(evaluated, data, settings, tmp_path):
    out, *_ = evaluated
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "stale.mp4").touch()
    evaluate(data / "train" / "model", data / "shard", tmp_path, settings)
    files = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file())
    assert {name.parent.as_posix() for name in files} == {".", "figures", "plots", "videos"}
    for name in files:
        assert (out / name).read_bytes() == (tmp_path / name).read_bytes(), name


def test_the_report_takes_what_evaluation_left(evaluated, data, tmp_path):
    text = build_report(data, tmp_path / "report.html").read_text()
    assert text.count("<video ") == 4
    assert "person-b" in text


def test_a_studio_clip_is_shown_beside_its_truth(data, settings, tmp_path):
    address = f"studio:hopper?frames={FRAMES}&size={SIZE}"
    samples = {"a": _sample("a", tmp_path / "a"), "s": _sample("s", tmp_path / "s", address)}
    write_shards(tmp_path / "shard", "test", samples, samples.__getitem__, 32.0)
    shutil.copyfile(data / "shard" / "splits.json", tmp_path / "shard" / "splits.json")
    splits = json.loads((tmp_path / "shard" / "splits.json").read_text())
    splits["clips"]["s"] = ["test"]
    (tmp_path / "shard" / "splits.json").write_text(json.dumps(splits))
    out = tmp_path / "evaluate"
    numbers = evaluate(data / "train" / "model", tmp_path / "shard", out, settings)
    records = json.loads((out / "records.json").read_text())
    assert [clip["truth"] for clip in records["inputs"]] == [False, True]
    assert {each["clips"] for each in records["methods"]["truth"]["records"]} == {1}
    assert {"PSNR(studio)"} == set(numbers["baselines"]["copy"]) - set(numbers["baselines"]["truth"])
    assert set(records["methods"]["driving"]["lights"]) == {"left", "top"}
    with av.open(str(out / "videos" / "s_left_side.mp4")) as file:
        assert file.streams.video[0].width == 4 * SIZE
    figures = json.loads((out / "figures" / "figures.json").read_text())
    assert figures["clip"] == "s"  # the one with a truth, though another comes first


def test_a_split_without_clips_is_named(tmp_path, data, settings):
    write_shards(tmp_path, "test", [], {}.__getitem__, 32.0)
    with pytest.raises(ValueError, match="no test clip"):
        evaluate(data / "train" / "model", tmp_path, tmp_path / "out", settings)
