import os

import pytest

from lcvd.ledger.rows import failed, filtered, kept, read_ledger, write_ledger
from tasks.runtime.entrypoint import StageError
from tasks.runtime.stage import Stage

pytestmark = pytest.mark.usefixtures("project_folder")


@pytest.fixture
def project_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LCVD_SCRATCH", str(tmp_path / ".lcvd"))
    return tmp_path


def test_a_fresh_folder_leaves_dvcs_cache_alone(project_folder):
    stage, cached = Stage("filter"), project_folder / "cached"
    cached.write_text("old")
    cached.chmod(0o444)
    (stage.out / "deep").mkdir(parents=True)
    os.link(cached, stage.out / "deep" / "link")
    os.link(cached, stage.out / "link")
    assert list(stage.fresh().iterdir()) == []
    assert cached.read_text() == "old"
    assert Stage("shard").fresh().is_dir()


def test_a_missing_stage_is_named():
    with pytest.raises(StageError, match="data/download doesn't exist; run `dvc repro download` first"):
        Stage("filter").input("download")


def test_nothing_left_counts_the_reasons():
    download, filter = Stage("download"), Stage("filter")
    rows = [filtered("a", "no_face", ""), filtered("b", "no_face", ""), filtered("c", "blurry", "")]
    write_ledger(download.out / "ledger.parquet", [*(kept(row.id) for row in rows), failed("d", "HTTP404", "")])
    write_ledger(filter.out / "ledger.parquet", rows)
    write_ledger(Stage("reconstruct").out / "ledger.parquet", [kept("a")])  # of a run before
    with pytest.raises(
        StageError, match="no clips left: 1 failed:HTTP404, 1 filtered:blurry, 2 filtered:no_face. `lcvd"
    ):
        Stage("reconstruct").need([])
    Stage("reconstruct").need(["clip"])


def test_what_the_stage_itself_left_out_is_written_down_and_counted(project_folder, prefect_api):
    from prefect import flow

    download, rows = Stage("download"), [failed("a", "truncated", "x"), failed("b", "dead", "y")]
    for stage in ("filter", "reconstruct"):
        write_ledger(Stage(stage).out / "ledger.parquet", [kept("a"), filtered("c", "blurred", "")])
    write_ledger(download.out / "ledger.parquet", [kept("a"), kept("b"), kept("c")])

    @flow(name="shard")
    def need() -> None:
        Stage("shard").need([], rows)

    with pytest.raises(StageError, match=r": 1 failed:dead, 1 failed:truncated, 1 filtered:blurred\. `lcvd ledger`"):
        need()
    assert read_ledger(Stage("shard").out / "ledger.parquet") == rows


def test_a_ledger_holds_no_path_of_this_machine(project_folder, prefect_api):
    from prefect import flow

    stage = Stage("filter")
    detail = (
        f"[Errno 2] No such file: '{project_folder}/data/x.mp4' and "
        f"'{project_folder}/.lcvd/cache/track/ab/.abc-x1y2/track.npz' are gone"
    )

    @flow(name="filter")
    def finish() -> None:
        stage.finish([failed("a", "OSError", detail), kept("b", 0.5)])

    finish()
    first, second = read_ledger(stage.out / "ledger.parquet")
    assert first.detail == "[Errno 2] No such file: 'data/x.mp4' and '.lcvd' are gone"
    assert second.score == 0.5
