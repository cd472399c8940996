"""Limits that hold over processes: real ones, which note when they come and go."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import time
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from lcvd.config.download import DownloadSettings
from lcvd.download.fetch.rate_limit import Gate, host_of

URL = "https://www.host.test/a.mp4"

# Children of a clean process: a fork of this one would inherit threads, locks and exit hooks of whatever ran before.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload([__name__])


def gate(folder: Path, run: str = "run", url: str = URL, **settings: float) -> Gate:
    return Gate(folder / "hosts", url, DownloadSettings.model_validate(settings), run)


def visit(folder: Path, number: int, settings: dict[str, float], stay: float) -> None:
    with gate(folder, **settings).place():
        begin = time.monotonic()
        time.sleep(stay)
        (folder / f"{number}.json").write_text(json.dumps([begin, time.monotonic()]))


def spend(folder: Path, number: int, size: int) -> None:
    begin = time.monotonic()
    gate(folder, rate_mb_s=2.0).spend(size)
    (folder / f"{number}.json").write_text(json.dumps([begin, time.monotonic()]))


def run(workers: list[BaseProcess], folder: Path) -> list[list[float]]:
    """When each began and ended, earliest first."""
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    return sorted(json.loads((folder / f"{number}.json").read_text()) for number in range(len(workers)))


def visits(folder: Path, count: int, stay: float = 0.1, **settings: float) -> list[list[float]]:
    workers = [PROCESSES.Process(target=visit, args=(folder, number, settings, stay)) for number in range(count)]
    return run(workers, folder)


def most_at_once(times: list[list[float]]) -> int:
    return max(sum(begin <= moment < end for begin, end in times) for moment, _ in times)


@pytest.mark.parametrize("places", [1, 2])
def test_so_many_processes_ask_a_host_at_once(tmp_path: Path, places: int) -> None:
    assert most_at_once(visits(tmp_path, 5, per_host=places)) <= places


def test_as_many_places_as_are_allowed_are_there_at_once(tmp_path: Path) -> None:
    with gate(tmp_path, per_host=2).place():
        (visited,) = visits(tmp_path, 1, per_host=2)
    assert visited


def test_beginnings_are_apart(tmp_path: Path) -> None:
    times = [begin for begin, _ in visits(tmp_path, 3, stay=0.0, per_host=3, pause_s=0.3)]
    assert min(later - earlier for earlier, later in zip(times, times[1:], strict=False)) > 0.25


def test_hosts_dont_wait_for_each_other(tmp_path: Path) -> None:
    gate(tmp_path).hold(1000)
    with gate(tmp_path, url="https://other.test/").place():
        pass
    assert host_of("https://user@WWW.Host.test:81/x") == "host.test:81"


def test_a_pause_that_a_host_asked_for_holds_for_everybody(tmp_path: Path) -> None:
    begin = time.monotonic()
    gate(tmp_path).hold(0.5)
    gate(tmp_path).hold(0.1)  # a shorter one doesn't shorten it
    assert visits(tmp_path, 1)[0][0] - begin > 0.45


def test_the_rate_is_shared(tmp_path: Path) -> None:
    """Three processes spend 3 MB at 2 MB/s, of which half a second's worth is free: 1 s."""
    times = run([PROCESSES.Process(target=spend, args=(tmp_path, number, 1_000_000)) for number in range(3)], tmp_path)
    assert max(end for _, end in times) - min(begin for begin, _ in times) > 0.95


def test_without_a_rate_nobody_waits_or_writes(tmp_path: Path) -> None:
    gate(tmp_path).spend(10**15)
    assert not (tmp_path / "hosts" / "host.test" / "state.json").exists()


def hold_forever(folder: Path) -> None:
    with gate(folder, per_host=1).place():
        (folder / "in").touch()
        time.sleep(1000)


def test_a_killed_process_frees_its_place(tmp_path: Path) -> None:
    worker = PROCESSES.Process(target=hold_forever, args=(tmp_path,))
    worker.start()
    while not (tmp_path / "in").exists():
        time.sleep(0.01)
    os.kill(worker.pid or 0, signal.SIGKILL)
    worker.join()
    with gate(tmp_path, per_host=1).place():
        pass


def test_a_host_that_refuses_again_and_again_is_closed_for_the_run(tmp_path: Path) -> None:
    first = gate(tmp_path, give_up_after=3)
    for _ in range(2):
        first.count(refused=True)
    first.count(refused=False)
    for _ in range(2):
        first.count(refused=True)
    assert not first.closed()
    first.count(refused=True)
    assert gate(tmp_path, give_up_after=3).closed()
    assert not gate(tmp_path, run="next", give_up_after=3).closed()


def test_a_torn_state_is_begun_anew(tmp_path: Path) -> None:
    gate(tmp_path)
    (tmp_path / "hosts" / "host.test" / "state.json").write_text('{"after": 1')
    with gate(tmp_path).place():
        pass
