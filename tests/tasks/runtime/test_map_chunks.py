import contextlib
import importlib.util
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import psutil
import pytest

from lcvd.config.runner import RunnerSettings
from lcvd.errors import MachineError
from lcvd.ledger.rows import Row
from tests.processes import command_of

ROOT = Path(__file__).resolve().parents[3]
HELPERS = ROOT / "tests" / "tasks" / "helpers"
pytestmark = pytest.mark.usefixtures("prefect_api")


def mapped(function, items, *args, **runner) -> list[Row]:
    from prefect import flow

    from tasks.runtime.map_chunks import map_chunks

    @flow(name="mapping")
    def mapping() -> list[Row]:
        return map_chunks(function, items, *args, runner=RunnerSettings(**runner), name="mapping")

    return mapping()


def needs(kind: str) -> None:
    """Skip what needs an extra that isn't installed."""
    if kind in ("ray", "dask") and importlib.util.find_spec(f"prefect_{kind}") is None:
        pytest.skip(f"prefect-{kind} isn't installed: pip install '.[{kind}]'")


@pytest.mark.parametrize("kind", ["processes", "threads"])
def test_rows_come_back_in_order_from_all_workers(kind, chunk_work):
    items = [chunk_work.Item(f"clip-{i}") for i in range(7)]
    before = os.environ.get("OMP_NUM_THREADS")
    rows = mapped(chunk_work.plain, items, 5, kind=kind, workers=2, chunk=2)
    assert [row.id for row in rows] == [item.id for item in items]
    assert rows[0].fields["chunk"] == ["clip-0", "clip-1"]
    assert rows[6].fields["chunk"] == ["clip-6"]
    pids = {row.fields["pid"] for row in rows}
    assert (os.getpid() in pids) == (kind == "threads")
    assert all(row.fields["value"] == 5 for row in rows)
    if kind == "processes":  # threads are shared out by the settings, whatever the number of clips
        each = str(max(1, len(os.sched_getaffinity(0)) // 2))
        assert {(row.fields["OMP_NUM_THREADS"], row.fields["NUMBA_NUM_THREADS"]) for row in rows} == {(each, each)}
        assert os.environ.get("OMP_NUM_THREADS") == before


@pytest.mark.parametrize("kind", ["ray", "dask"])
def test_the_other_runners_do_the_same_or_name_their_extra(kind, chunk_work):
    from tasks.runtime.runners import RunnerError

    items = [chunk_work.Item(f"clip-{i}") for i in range(4)]
    if importlib.util.find_spec(f"prefect_{kind}") is None:
        with pytest.raises(RunnerError, match=rf"pip install 'lcvd\[{kind}\]'"):
            mapped(chunk_work.plain, items, 5, kind=kind)
        return
    rows = mapped(chunk_work.plain, items, 5, kind=kind, workers=2, chunk=2)
    assert [row.id for row in rows] == [item.id for item in items]
    assert {row.fields["OMP_NUM_THREADS"] for row in rows} == {str(max(1, len(os.sched_getaffinity(0)) // 2))}


@pytest.mark.parametrize("kind", ["processes", "ray", "dask"])
def test_a_worker_that_dies_costs_only_the_clip_that_kills_it(kind, chunk_work, tmp_path):
    needs(kind)
    ids = ["a", "killer", "once-d"]
    items = [chunk_work.Item(id) for id in ids]
    rows = mapped(chunk_work.killed_by_some, items, ["killer", "once-d"], tmp_path, kind=kind, workers=2, chunk=1)
    assert {row.id: row.status for row in rows} == {id: "failed" if id == "killer" else "kept" for id in ids}
    [row] = [row for row in rows if row.status == "failed"]
    assert row.reason == "worker-died"
    assert "died each time" in row.detail


def test_a_chunk_that_kills_is_halved_until_the_clip_is_found(chunk_work, tmp_path):
    items = [chunk_work.Item(f"c{i:02}") for i in range(24)]
    guilty = ["c05", "c06", "c23"]
    rows = mapped(chunk_work.killed_by_some, items, guilty, tmp_path / "marks", workers=2, chunk=8)
    assert [row.id for row in rows] == [item.id for item in items]
    assert [row.id for row in rows if row.status == "failed"] == guilty
    assert {row.reason for row in rows if row.status == "failed"} == {"worker-died"}


def test_a_clip_that_needs_too_much_memory_fails_alone(chunk_work):
    rows = mapped(
        chunk_work.hungry, [chunk_work.Item(id) for id in ("a", "big", "c")], kind="threads", workers=1, chunk=3
    )
    assert [row.status for row in rows] == ["kept", "failed", "kept"]


def test_a_clip_that_once_finds_no_gpu_memory_is_tried_again_alone_and_doesnt_fail(chunk_work, tmp_path):
    items = [chunk_work.Item(id) for id in ("a", "once-b", "c", "d")]
    rows = mapped(chunk_work.out_of_gpu_memory, items, ["once-b"], tmp_path, kind="threads", workers=2, chunk=2)
    assert [row.status for row in rows] == ["kept"] * 4
    assert (tmp_path / "once-b").exists()


def test_a_clip_that_needs_more_memory_than_the_gpu_has_ends_the_stage_and_isnt_a_failed_clip(chunk_work, tmp_path):
    items = [chunk_work.Item(id) for id in ("a", "b")]
    with pytest.raises(
        MachineError, match=r"b: out of GPU memory with a single worker \(CUDA out of memory.*run the same"
    ):
        mapped(chunk_work.out_of_gpu_memory, items, ["b"], tmp_path, kind="threads", workers=2, chunk=2)


@pytest.mark.parametrize(
    ("gpus", "workers", "share"), [("", 4, 0.0), ("0", 1, 1.0), ("0,1", 4, 0.5), ("0,1", 5, 1 / 3), ("0,1,2", 2, 1.0)]
)
def test_workers_are_spread_evenly_over_the_gpus_of_the_machine(monkeypatch, gpus, workers, share):
    from tasks.runtime.runners import share_of, workers_of

    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", gpus)
    assert share_of(RunnerSettings(workers=workers)) == pytest.approx(share)
    assert workers_of(RunnerSettings(workers=workers)) == workers
    assert share_of(RunnerSettings(workers=workers, kind="threads")) == 0
    assert share_of(RunnerSettings(workers=workers, gpu_share=0)) == 0


@pytest.mark.parametrize("kind", ["processes", "ray", "dask"])
def test_each_worker_sees_its_gpu_alone(kind, chunk_work, monkeypatch):
    """GPUs are only named here: nothing in these chunks asks for one."""
    needs(kind)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    items = [chunk_work.Item(f"clip-{i}") for i in range(6)]
    rows = mapped(chunk_work.sees, items, kind=kind, workers=2, chunk=1, gpu_share=1)
    seen = {(row.fields["pid"], row.fields["gpu"]) for row in rows}
    assert {gpu for _, gpu in seen} == {"0", "1"}
    assert len({pid for pid, _ in seen}) == len(seen)


def test_workers_that_find_no_room_on_the_gpus_are_named(chunk_work, monkeypatch):
    from tasks.runtime.runners import RunnerError, workers_of

    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    assert workers_of(RunnerSettings(gpu_share=0.5, workers=4)) == 4
    with pytest.raises(RunnerError, match=r"GPUs \(3, 5; .*have room for 4, not for 5 workers"):
        mapped(chunk_work.plain, [chunk_work.Item("clip-0")], 1, gpu_share=0.5, workers=5)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with pytest.raises(RunnerError, match=r"GPUs \(none; .*have room for 0, not for a worker"):
        mapped(chunk_work.plain, [chunk_work.Item("clip-0")], 1, gpu_share=1)


def test_a_bug_ends_the_stage(chunk_work):
    with pytest.raises(ZeroDivisionError, match="a bug"):
        mapped(chunk_work.buggy, [chunk_work.Item("a")], kind="threads", workers=1)


@pytest.mark.parametrize("kind", ["processes", "threads"])
def test_a_worker_that_is_asked_to_exit_ends_the_stage(kind, chunk_work):
    from tasks.runtime.runners import RunnerError

    with pytest.raises(RunnerError, match=r"mapping a: the chunk raised SystemExit \(3\)"):
        mapped(chunk_work.leaves, [chunk_work.Item("a"), chunk_work.Item("b")], kind=kind, workers=1)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_pool_whose_thread_ended_ends_the_stage(chunk_work, monkeypatch, tmp_path):
    from tasks.runtime import map_chunks as chunks
    from tasks.runtime.runners import RunnerError

    monkeypatch.setattr(chunks, "LOOK_EVERY_S", 0.2)
    run = chunks.run_chunk.fn
    monkeypatch.setattr(chunks, "run_chunk", chunks.run_chunk.with_options(on_completion=[chunk_work.exit_outside]))
    assert chunks.run_chunk.fn is run
    with pytest.raises(RunnerError, match="3 pools of workers failed in a row"):
        mapped(chunk_work.forgetful, [chunk_work.Item("a"), chunk_work.Item("b")], workers=1)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_pool_whose_thread_ended_once_is_replaced(chunk_work, monkeypatch, tmp_path):
    from tasks.runtime import map_chunks as chunks

    monkeypatch.setattr(chunks, "LOOK_EVERY_S", 0.2)
    monkeypatch.setenv("CHUNK_WORK_LEFT", str(tmp_path / "left"))
    monkeypatch.setattr(
        chunks, "run_chunk", chunks.run_chunk.with_options(on_completion=[chunk_work.exit_outside_once])
    )
    rows = mapped(chunk_work.plain, [chunk_work.Item(id) for id in "12345"], 7, workers=2)
    assert [(row.id, row.status) for row in rows] == [(id, "kept") for id in "12345"]
    assert (tmp_path / "left").exists()


def test_a_stage_whose_reader_is_gone_ends(tmp_path):
    code = f"""
        import sys; sys.path[:0] = [{str(ROOT)!r}, {str(HELPERS)!r}]
        import chunk_work
        from prefect import flow
        from lcvd.config.runner import RunnerSettings
        from tasks.runtime.map_chunks import map_chunks
        @flow
        def stage():
            items = [chunk_work.Item(str(i)) for i in range(2000)]
            map_chunks(chunk_work.talks, items, runner=RunnerSettings(workers=2), name="talks")
        if __name__ == "__main__":
            stage()
    """
    script = tmp_path / "stage_without_reader.py"
    script.write_text(textwrap.dedent(code))
    stage = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert stage.stdout is not None
    assert any(b"says 3" in line for line in stage.stdout)
    stage.stdout.close()
    try:
        assert stage.wait(120) != 0
    finally:
        stage.kill()
        stage.wait()


def test_a_forgotten_clip_is_an_error(chunk_work):
    with pytest.raises(RuntimeError, match=r"chunk_work.forgetful: rows \['b'\] for clips \['a', 'b'\]"):
        mapped(chunk_work.forgetful, [chunk_work.Item("a"), chunk_work.Item("b")], kind="threads", workers=1, chunk=2)


def test_no_clips_no_workers(chunk_work):
    assert mapped(chunk_work.buggy, []) == []


def test_an_interrupt_ends_the_workers_at_once(chunk_work, tmp_path, eventually, running):
    def interrupt() -> None:
        eventually(lambda: len(list(tmp_path.iterdir())) == 2)
        os.kill(os.getpid(), signal.SIGINT)

    helper = threading.Thread(target=interrupt)
    helper.start()
    begin = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        mapped(chunk_work.slow, [chunk_work.Item("a"), chunk_work.Item("b")], tmp_path, workers=2)
    helper.join()
    assert time.monotonic() - begin < 60
    eventually(lambda: not any(running(int(path.name)) for path in tmp_path.iterdir()), 5)


def test_workers_die_with_a_stage_that_is_killed(chunk_work, tmp_path, eventually, running):
    code = f"""
        import sys; sys.path[:0] = [{str(ROOT)!r}, {str(HELPERS)!r}]
        from pathlib import Path
        import chunk_work
        from prefect import flow
        from lcvd.config.runner import RunnerSettings
        from tasks.runtime.map_chunks import map_chunks
        @flow
        def stage():
            items = [chunk_work.Item("a"), chunk_work.Item("b")]
            map_chunks(chunk_work.slow, items, Path({str(tmp_path)!r}), runner=RunnerSettings(workers=2), name="slow")
        if __name__ == "__main__":
            stage()
    """
    script = tmp_path.parent / "stage_to_kill.py"
    script.write_text(textwrap.dedent(code))
    stage = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    eventually(lambda: len(list(tmp_path.iterdir())) == 2)
    stage.kill()
    stage.wait()
    eventually(lambda: not any(running(int(path.name)) for path in tmp_path.iterdir()), 5)


def test_a_dask_worker_killed_while_it_starts_gives_another_cluster(chunk_work, caplog):
    needs("dask")
    killed = []

    def kill() -> None:
        while not killed:
            for child in psutil.Process().children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    if not killed and "spawn_main" in command_of(child):
                        child.kill()
                        killed.append(child.pid)
            time.sleep(0.005)

    thread = threading.Thread(target=kill)
    thread.start()
    rows = mapped(chunk_work.plain, [chunk_work.Item(id) for id in "12345"], 7, kind="dask", workers=2)
    thread.join()
    assert [(row.id, row.status) for row in rows] == [(id, "kept") for id in "12345"]
    assert "the pool of workers failed (a Dask worker didn't start" in caplog.text
