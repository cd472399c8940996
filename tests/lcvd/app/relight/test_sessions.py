"""Sessions keep apart, forget what is old, and tell nobody where files lie."""

import pytest

from lcvd.app.relight import sessions
from lcvd.app.relight.jobs import Job
from lcvd.app.relight.sessions import Session, Sessions


@pytest.fixture
def everybody(tmp_path):
    return Sessions(tmp_path)


def test_everybody_has_an_id_and_a_folder_of_their_own(everybody):
    one, two = everybody.new(), everybody.new()
    assert everybody.find(one.id) is one
    assert everybody.find(two.id) is two
    assert one.folder != two.folder
    assert one.id not in str(one.folder)
    assert one.folder.stat().st_mode & 0o077 == 0
    assert everybody.find(None) is everybody.find("") is everybody.find("guess") is None


def test_idle_ones_make_room_with_their_files_unless_they_wait_for_a_job(everybody, monkeypatch):
    monkeypatch.setattr(sessions, "MAX_SESSIONS", 2)
    idle, busy = everybody.new(), everybody.new()
    assert everybody.new() is None
    busy.job = Job("test", lambda progress, cancel: {}, str)
    for each in (idle, busy):
        each.seen -= sessions.IDLE_SECONDS + 1
    assert everybody.new() is not None
    assert everybody.find(idle.id) is None
    assert not idle.folder.exists()
    assert everybody.find(busy.id) is busy


def test_the_oldest_results_are_deleted(tmp_path):
    session = Session(tmp_path)
    paths = [tmp_path / f"{number}.png" for number in range(sessions.MAX_RESULTS + 2)]
    for path in paths:
        path.touch()
        session.offer(path)
    assert list(session.results.values()) == paths[2:]
    assert [path.exists() for path in paths] == [False] * 2 + [True] * sessions.MAX_RESULTS


def test_errors_name_files_as_users_do(tmp_path):
    session = Session(tmp_path)
    session.files["portrait"] = tmp_path / "given" / "x1" / "me.png"
    said = f"{session.files['portrait']}: no face; see {tmp_path}/scratch/log"
    assert session.plain(said) == "me.png: no face; see scratch/log"
