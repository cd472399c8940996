"""Limits across real processes that record when they start and stop."""

import json
import multiprocessing
import os
import signal
import time
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from lcvd.config.download import DownloadSettings
from lcvd.download.fetch.rate_limit import HostLimiter, host_of

URL = "https://www.host.test/a.mp4"

# A forked child would inherit threads, locks and exit hooks of this process.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload([__name__])


def limiter(folder: Path, run: str = "run", url: str = URL, **settings: float) -> HostLimiter:
    return HostLimiter(folder / "hosts", url, DownloadSettings.model_validate(settings), run)


def visit(folder: Path, number: int, settings: dict[str, float], stay: float) -> None:
    with limiter(folder, **settings).slot():
        begin = time.monotonic()
        time.sleep(stay)
        (folder / f"{number}.json").write_text(json.dumps([begin, time.monotonic()]))


def throttle(folder: Path, number: int, size: int) -> None:
    begin = time.monotonic()
    limiter(folder, rate_mb_s=2.0).throttle(size)
    (folder / f"{number}.json").write_text(json.dumps([begin, time.monotonic()]))


def run(workers: list[BaseProcess], folder: Path) -> list[list[float]]:
    """Start and end of each worker, earliest first."""
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


@pytest.mark.parametrize("slots", [1, 2])
def test_the_number_of_concurrent_downloads_is_limited(tmp_path: Path, slots: int) -> None:
    assert most_at_once(visits(tmp_path, 5, per_host=slots)) <= slots


def test_all_slots_can_be_used_at_once(tmp_path: Path) -> None:
    with limiter(tmp_path, per_host=2).slot():
        (visited,) = visits(tmp_path, 1, per_host=2)
    assert visited


def test_starts_are_separated_by_the_pause(tmp_path: Path) -> None:
    times = [begin for begin, _ in visits(tmp_path, 3, stay=0.0, per_host=3, pause_s=0.3)]
    assert min(later - earlier for earlier, later in zip(times, times[1:], strict=False)) > 0.25


def test_hosts_are_independent(tmp_path: Path) -> None:
    limiter(tmp_path).pause(1000)
    with limiter(tmp_path, url="https://other.test/").slot():
        pass
    assert host_of("https://user@WWW.Host.test:81/x") == "host.test:81"


def test_a_requested_pause_applies_to_all_processes(tmp_path: Path) -> None:
    begin = time.monotonic()
    limiter(tmp_path).pause(0.5)
    limiter(tmp_path).pause(0.1)  # does not shorten the longer pause
    assert visits(tmp_path, 1)[0][0] - begin > 0.45


def test_the_bandwidth_is_shared(tmp_path: Path) -> None:
    """Three processes use 3 MB at 2 MB/s; half a second's worth is free, so they take 1 s."""
    times = run(
        [PROCESSES.Process(target=throttle, args=(tmp_path, number, 1_000_000)) for number in range(3)], tmp_path
    )
    assert max(end for _, end in times) - min(begin for begin, _ in times) > 0.95


def test_without_a_rate_limit_nothing_is_stored(tmp_path: Path) -> None:
    limiter(tmp_path).throttle(10**15)
    assert not (tmp_path / "hosts" / "host.test" / "state.json").exists()


def hold_slot_forever(folder: Path) -> None:
    with limiter(folder, per_host=1).slot():
        (folder / "in").touch()
        time.sleep(1000)


def test_a_killed_process_frees_its_slot(tmp_path: Path) -> None:
    worker = PROCESSES.Process(target=hold_slot_forever, args=(tmp_path,))
    worker.start()
    while not (tmp_path / "in").exists():
        time.sleep(0.01)
    os.kill(worker.pid or 0, signal.SIGKILL)
    worker.join()
    with limiter(tmp_path, per_host=1).slot():
        pass


def test_a_host_that_refuses_repeatedly_is_given_up_for_the_run(tmp_path: Path) -> None:
    first = limiter(tmp_path, give_up_after=3)
    for _ in range(2):
        first.record_outcome(refused=True)
    first.record_outcome(refused=False)
    for _ in range(2):
        first.record_outcome(refused=True)
    assert not first.has_given_up()
    first.record_outcome(refused=True)
    assert limiter(tmp_path, give_up_after=3).has_given_up()
    assert not limiter(tmp_path, run="next", give_up_after=3).has_given_up()


def test_an_incomplete_state_file_is_reset(tmp_path: Path) -> None:
    limiter(tmp_path)
    (tmp_path / "hosts" / "host.test" / "state.json").write_text('{"after": 1')
    with limiter(tmp_path).slot():
        pass
