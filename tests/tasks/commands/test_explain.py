"""Lineage is what dvc.lock says; what isn't as it was made is told."""

import hashlib
import subprocess
from pathlib import Path

import pytest
import yaml

from tasks.commands.explain import describe, lineage, published_weights
from tasks.runtime.entrypoint import StageError

LOCK = {
    "stages": {
        "download": {"cmd": "a", "deps": [{"path": "lcvd/download", "md5": "0"}], "outs": [{"path": "data/download", "md5": "1.dir"}]},
        "filter": {"cmd": "b", "deps": [{"path": "data/download", "md5": "1.dir"}], "outs": [{"path": "data/filter", "md5": "2.dir"}]},
        "train": {
            "cmd": "c",
            "deps": [{"path": "data/download", "md5": "1.dir"}, {"path": "data/filter", "md5": "2.dir"}],
            "params": {"params.yaml": {"train.model.latents": {"autoencoder": "sd-vae-ft-mse"}, "seed": 3}},
            "outs": [{"path": "data/train", "md5": "3.dir"}],
        },
    }
}  # fmt: skip


def test_needed_stages_come_after_those_that_need_them() -> None:
    assert [made.stage for made in lineage(LOCK, "data/train/model/x")] == ["train", "filter", "download"]
    assert [made.stage for made in lineage(LOCK, "data/download")] == ["download"]
    with pytest.raises(StageError, match=r"data/trains is no artifact.*data/download, data/filter, data/train"):
        lineage(LOCK, "data/trains")


def test_weights_are_those_that_the_settings_ask_for() -> None:
    assert published_weights(lineage(LOCK, "data/train")[0].settings) == ["sd-vae-ft-mse"]
    assert published_weights({"reconstruct": {"codes": "deca", "mask": "u2net-compat"}}) == [
        "deca", "flame", "flame-masks", "u2net-human"]  # fmt: skip
    assert published_weights({"train": {"model": {"start": "svd-xt", "latents": {"autoencoder": "tiny"}}}}) == [
        "svd-xt"
    ]


def test_a_changed_file_and_an_uncommitted_lock_are_describe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "data" / "one.txt"
    file.parent.mkdir()
    file.write_text("as made")
    md5 = hashlib.md5(b"as made").hexdigest()
    lock = {"stages": {"one": {"cmd": "x", "outs": [{"path": "data/one.txt", "md5": md5}]}}}
    (tmp_path / "dvc.lock").write_text(yaml.safe_dump(lock))
    for words in (
        ["init", "-q"],
        ["add", "dvc.lock"],
        ["-c", "user.name=a", "-c", "user.email=b", "commit", "-qm", "First"],
    ):
        subprocess.run(["git", *words], check=True)
    said = list(describe(tmp_path, file))
    assert said[1] == f"  md5       {md5}"
    assert said[2].endswith(": First")
    file.write_text("changed")
    (tmp_path / "dvc.lock").write_text(yaml.safe_dump(lock | {"schema": "2.0"}))
    said = list(describe(tmp_path, file))
    assert said[1].endswith(f"but dvc.lock has {md5}: changed since")
    assert "not committed" in said[2]
    file.unlink()
    assert f"dvc pull` restores it (md5 {md5})" in list(describe(tmp_path, file))[1]


def test_a_relit_video_of_one_s_own_is_told_by_the_file_beside_it(tmp_path: Path) -> None:
    for name in ("out.mp4", "out.json"):
        (tmp_path / name).touch()
    with pytest.raises(StageError, match=r"out\.mp4 wasn't made by the pipeline; .*out\.json"):
        list(describe(tmp_path, tmp_path / "out.mp4"))
