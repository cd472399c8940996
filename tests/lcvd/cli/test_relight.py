"""``lcvd relight``: bad calls are one clear line each, batches go on after a bad row, a killed run goes on to the same bytes."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from lcvd.cli.main import main
from lcvd.config.io import dump_settings
from lcvd.config.profiles import DEMO
from lcvd.config.settings import Settings
from lcvd.model.lcvd import LCVD
from lcvd.model.pipeline import LCVDPipeline
from lcvd.video.decode import decode_bytes

LCVD_COMMAND = Path(sys.executable).with_name("lcvd")
CLIP = "lp_d03_woman_turns_warm_light.mp4"
MODEL = {
    "size": 64, "frames": 4, "overlap": 2, "latents": {"autoencoder": "tiny"},
    "unet": {"channels": (32, 32), "heads": (1, 1), "layers": 1, "time_ids_dim": 8},
    "image_encoder": {"width": 16, "layers": 1, "heads": 2, "mlp": 16, "patch": 56, "projection": 32},
}  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, clips_dir: Path) -> Path:
    """A working folder with a model that has learned nothing, a portrait, a clip, and files that are none."""
    folder = tmp_path_factory.mktemp("place")
    portrait = clips_dir.parent / "portraits" / "lp_d09_woman_shout.jpg"
    if not portrait.exists():
        pytest.skip(f"{portrait} isn't here")
    settings = Settings.model_validate(DEMO | {"train": {"model": MODEL}, "evaluate": {"steps": 2, "guidance": 1.5}})
    LCVDPipeline.of(LCVD.fresh(settings.train.model, seed=0)).save_pretrained(folder / "model")
    (folder / "params.yaml").write_text(dump_settings(settings), encoding="utf-8")
    shutil.copy(portrait, folder / "portrait.jpg")
    shutil.copy(clips_dir / CLIP, folder / "clip.mp4")
    shutil.copy(clips_dir / "lcvd_wda_dingell.mp4", folder / "silent.mp4")
    Image.new("RGB", (120, 120), (90, 90, 90)).save(folder / "blank.png")
    (folder / "text.png").write_text("text")
    (folder / "torn.mp4").write_bytes((folder / "clip.mp4").read_bytes()[:20000])
    (folder / "empty").mkdir()
    for name in ("keys.json", "own.mp4.json"):
        (folder / name).write_text(
            json.dumps({"keyframes": [{"time": 1, "light": "left"}, {"time": 0, "light": "top"}]})
        )
    (folder / "lights.npy").write_bytes(b"no numbers")
    for name, rows in {
        "unknown.csv": ["portrait,colour,out", "portrait.jpg,red,a.mp4"],
        "twice.csv": ["portrait,out", "portrait.jpg,a.mp4", "portrait.jpg,./a.mp4"],
        "short.csv": ["portrait,light,out", "portrait.jpg,left"],
        "none.csv": ["portrait,out"],
        "flag.csv": ["portrait,out,preview", "portrait.jpg,a.mp4,perhaps"],
    }.items():
        (folder / name).write_text("\n".join(rows) + "\n")
    return folder


@pytest.fixture
def call(place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Callable]:
    """Calls the command in this process; gives its exit code, and what it printed on both streams."""
    monkeypatch.chdir(place)

    def run(*words: object) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["lcvd", "relight", *map(str, words)])
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        said = capsys.readouterr()
        return code, said.out + said.err

    return run


PREVIEW = ("portrait.jpg", "--preview", "-o", "out.mp4")
MADE = ("portrait.jpg", "--model", "model", "-o", "out.mp4")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nothere.png", "-o", "out.mp4"), "'nothere.png' does not exist"),
        (("portrait.jpg",), "give a PORTRAIT and -o OUT"),
        (("portrait.jpg", "-o", "out.avi"), "out.avi: results are written as .mp4"),
        (("blank.png", "--preview", "-o", "blank.png"), "blank.png: this would overwrite the portrait"),
        (
            ("portrait.jpg", "--preview", "--light", "own.mp4.json", "-o", "own.mp4"),
            "own.mp4.json: this would overwrite the light",
        ),
        (
            ("portrait.jpg", "--model", "model", "--light", "orbit", "-o", "out.png"),
            "out.png: a PNG can't hold 16 different",
        ),
        (
            ("clip.mp4", "--model", "model", "--end", 0.2, "-o", "out.png"),
            "out.png: a PNG can't hold 6 different frames",
        ),
        (("portrait.jpg", "-o", "folder/out.mp4"), "the folder folder doesn't exist"),
        (("portrait.jpg", "-o", "/proc/out.mp4"), "can't write in /proc"),
        (("text.png", *PREVIEW[1:]), "text.png: not a readable image"),
        (("keys.json", *PREVIEW[1:]), "images must end in .png, .jpg"),
        (("blank.png", *PREVIEW[1:]), "blank.png: no frame shows a face"),
        (("empty", *PREVIEW[1:]), "empty: no image in this folder"),
        (
            (*PREVIEW, "--face", 2),
            "portrait.jpg: face 2 was requested (numbered from the left), but only one face was found",
        ),
        ((*PREVIEW, "--face", 0), "face: faces are counted from 1"),
        ((*PREVIEW, "--drive", "torn.mp4"), "torn.mp4: "),
        ((*PREVIEW, "--drive", "blank.png"), "blank.png: a single image has no motion"),
        ((*PREVIEW, "--drive", "clip.mp4", "--start", 2, "--end", 1), "end: 1 s isn't after start (2 s)"),
        ((*PREVIEW, "--drive", "clip.mp4", "--start", 900), "clip.mp4: start is 900 s, but the clip is 11.8"),
        ((*PREVIEW, "--end", 1), "portrait.jpg: start and end need a clip"),
        ((*PREVIEW, "--fps", 0), "fps: expected more than 0"),
        ((*PREVIEW, "--size", 33), "size: expected an even number"),
        ((*PREVIEW, "--smooth", -1), "smooth: expected 0 or more"),
        ((*PREVIEW, "--align", "exact"), "'exact' is not one of 'track', 'relative', 'relative-code', 'scale', 'self'"),
        ((*PREVIEW, "--no-face", "stop"), "'stop' is not one of 'hold', 'skip', 'fail'"),
        ((*PREVIEW, "--light", "lefft"), "light 'lefft' is neither a preset"),
        ((*PREVIEW, "--light", "keys.json"), "keys.json: keyframe 2: time 0 s isn't after 1 s"),
        ((*PREVIEW, "--light", "lights.npy"), "lights.npy: no light"),
        ((*PREVIEW, "--light", "left", "--light-yaw", 20), "only environment maps"),
        ((*PREVIEW, "--light", "driving"), "light 'driving' needs a driving clip"),
        ((*PREVIEW, "--paste-back"), "paste_back: can't be combined with a preview"),
        ((*PREVIEW, "--keep-audio"), "keep_audio: portrait.jpg has no sound"),
        (
            ("silent.mp4", "--preview", "--end", 0.2, "--keep-audio", "-o", "out.mp4"),
            "silent.mp4: this clip has no sound",
        ),
        ((*MADE, "--paste-back", "--side-by-side"), "paste_back: can't be combined with size"),
        ((*MADE, "--guidance", -1), "guidance: expected 0 or more"),
        ((*MADE, "--likeness", -1), "likeness: expected 0 or more"),
        ((*MADE, "--steps", 0), "steps: expected 1 or more"),
        ((*MADE, "--recipe", "slow"), "recipe: expected one of published, default, fast"),
        (("portrait.jpg", "--model", "empty", "-o", "out.mp4"), "model_index.json: not found"),
        (("portrait.jpg", "--model", "nothere", "-o", "out.mp4"), "nothere: no such folder"),
        (("portrait.jpg", "--params", "nothere.yaml", "-o", "out.mp4"), "nothere.yaml: not found"),
        (("--batch", "nothere.csv"), "nothere.csv: not readable as CSV"),
        (("--batch", "unknown.csv"), "unknown.csv: unknown column 'colour'"),
        (("--batch", "twice.csv"), "twice.csv: lines 2 and 3 both write ./a.mp4"),
        (("--batch", "short.csv"), "short.csv: line 2 and the header have different numbers of values"),
        (("--batch", "none.csv"), "none.csv: no rows"),
        (("--batch", "flag.csv"), "flag.csv: line 2: preview is 'perhaps'"),
    ],
)
def test_bad_calls_are_clear(call, place, words, said) -> None:
    code, found = call(*words)
    assert code in (1, 2)
    assert said in found
    assert "Traceback" not in found
    assert not [path for path in place.iterdir() if path.name.endswith((".part", "out.mp4", "out.png"))]


def test_a_batch_goes_on_after_bad_rows(call, place) -> None:
    rows = [
        {"portrait": "portrait.jpg", "light": "left", "out": "one.mp4", "side-by-side": "yes"},
        {"portrait": "missing.jpg", "light": "left", "out": "two.mp4", "side-by-side": ""},
        {"portrait": "portrait.jpg", "light": "nowhere", "out": "three.mp4", "side-by-side": "no"},
        {"portrait": "portrait.jpg", "light": "", "out": "four.mp4", "side-by-side": "no"},
    ]
    with (place / "jobs.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    code, said = call("--batch", "jobs.csv", "--preview", "--size", 64, "--light", "right")
    assert code == 1
    assert "2 of 4 rows done" in said
    assert "line 3 (two.mp4)" in said
    assert "'missing.jpg' does not exist" in said
    assert "line 4 (three.mp4): light 'nowhere'" in said
    assert decode_bytes((place / "one.mp4").read_bytes()).shape == (16, 64, 128, 3)
    assert json.loads((place / "four.mp4.json").read_text())["settings"]["light"] == "right"
    assert not (place / "two.mp4").exists()


def test_the_command_makes_the_same_bytes_twice_and_tells_what_it_made(call, place) -> None:
    words = ("portrait.jpg", "--drive", "clip.mp4", "--end", 0.2, "--model", "model", "--steps", 2, "--light", "orbit")
    words += ("--likeness", 2)
    made = {}
    for scratch in ("here", "elsewhere"):
        assert "a.mp4: 6 frames" in call(*words, "-o", "a.mp4", "--keep-audio", "--scratch", scratch)[1]
        made[scratch] = [(place / name).read_bytes() for name in ("a.mp4", "a.mp4.json")]
    assert made["here"] == made["elsewhere"]
    settings = json.loads((place / "a.mp4.json").read_text())["settings"]
    assert (settings["guidance"], settings["likeness"]) == (4.5, 2)  # the first is the model's own


@pytest.mark.slow
def test_a_killed_run_goes_on_to_the_same_bytes(place) -> None:
    """kill -9 in the middle of sampling; the same command does only the rest, and gives what an undisturbed one gives."""
    words = [LCVD_COMMAND, "relight", "portrait.jpg", "--drive", "clip.mp4", "--end", "2", "--model", "model", "--light",
             "left", "--steps", "8", "-o"]  # fmt: skip
    killed = subprocess.Popen(
        [*words, "k.mp4", "--scratch", "s1"], cwd=place, env={**os.environ}, start_new_session=True
    )
    sampling = place / "s1" / "sampling"
    while not list(sampling.glob("*/state.safetensors")):
        assert killed.poll() is None, "it ended before it could be killed"
        time.sleep(0.02)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    assert not (place / "k.mp4").exists()
    subprocess.run([*words, "k.mp4", "--scratch", "s1"], cwd=place, check=True, capture_output=True)
    name = place / "k.mp4"
    kept = name.read_bytes()
    name.unlink()
    subprocess.run([*words, "k.mp4", "--scratch", "s2"], cwd=place, check=True, capture_output=True)
    assert name.read_bytes() == kept
    assert not list(sampling.glob("*/"))
