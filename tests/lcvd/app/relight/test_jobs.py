"""One job at a time, in order; cancelled ones stop, broken ones tell."""

import threading

import pytest

from lcvd.app.relight.jobs import Job, Queue
from lcvd.errors import UsageError


@pytest.fixture
def queue():
    queue = Queue()
    yield queue
    queue.close()


def job(work, plain=str):
    return Job("test", work, plain)


def waited(job):
    for _ in range(2000):
        if not job.open:
            return job.state
        threading.Event().wait(0.005)
    pytest.fail("never ended")


def test_jobs_run_one_by_one_in_their_order(queue):
    running, most, order = [], [], []
    begin = threading.Event()

    def work(name):
        def run(progress, cancel):
            begin.wait(10)
            running.append(name)
            most.append(len(running))
            order.append(name)
            progress("sampling", 1, 2)
            running.remove(name)
            return {"name": name}

        return run

    jobs = [job(work(name)) for name in "abc"]
    for each in jobs:
        queue.add(each)
    assert [queue.ahead(each) for each in jobs] == [0, 1, 2]
    begin.set()
    assert [waited(each) for each in jobs] == ["done"] * 3
    assert (order, most) == (["a", "b", "c"], [1, 1, 1])
    assert jobs[2].result == {"name": "c"}
    assert jobs[2].progress == ("sampling", 1, 2)


def test_a_running_job_stops_and_a_waiting_one_never_starts(queue):
    started, ran = threading.Event(), []

    def endless(progress, cancel):
        started.set()
        while not cancel():
            threading.Event().wait(0.005)
        raise RuntimeError("interrupted")

    def never(progress, cancel):
        ran.append(1)
        return {}

    first, second, third = job(endless), job(never), job(lambda progress, cancel: {"third": 1})
    for each in (first, second, third):
        queue.add(each)
    assert started.wait(10)
    queue.cancel(second)
    assert second.state == "cancelled"
    assert queue.ahead(third) == 1
    queue.cancel(first)
    assert waited(first) == "cancelled"
    assert waited(third) == "done"
    assert (first.error, ran) == ("", [])


def test_errors_that_users_can_mend_are_told_and_others_are_logged(queue, caplog):
    def wrong(progress, cancel):
        raise UsageError("/secret/place/me.png: no face")

    def broken(progress, cancel):
        raise KeyError("internals")

    told, hidden = job(wrong, lambda text: text.replace("/secret/place/", "")), job(broken)
    queue.add(told)
    queue.add(hidden)
    assert (waited(told), told.error) == ("failed", "me.png: no face")
    assert waited(hidden) == "failed"
    assert "internals" not in hidden.error
    assert "internals" in caplog.text
    last = job(lambda progress, cancel: {})
    queue.add(last)
    assert waited(last) == "done"
