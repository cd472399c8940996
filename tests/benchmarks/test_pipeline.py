"""The measurements of `benchmarks.pipeline` on small inputs, including its self-checks."""

import pytest

from benchmarks import pipeline
from benchmarks.pipeline import chunk_cost, simulated
from benchmarks.pipeline_parts import OPERATIONS, ledger_seconds, up_to_date
from tasks.runtime.environment import prepare
from tasks.runtime.server import prefect_server


@pytest.fixture
def alone(monkeypatch, tmp_path):
    monkeypatch.setenv("LCVD_SCRATCH", str(tmp_path / ".lcvd"))
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.setattr(pipeline, "KILLERS", 1)
    prepare()
    with prefect_server():
        yield


@pytest.mark.slow
@pytest.mark.usefixtures("alone")
def test_a_simulated_run_counts_exactly():
    found = simulated(200)["simulated"]["counts"]
    assert found == {
        "failed": 5,
        "failed:gone": 4,
        "failed:worker-died": 1,
        "filtered": 20,
        "filtered:dark": 20,
        "kept": 175,
    }
    assert chunk_cost(5)["chunk_ms"] > 0


def test_an_up_to_date_project_and_ledgers(tmp_path):
    assert set(up_to_date(tmp_path / "project", 30)) == {"repro_s", "commit_s"}
    assert set(ledger_seconds(tmp_path / "ledger", 1000)) == set(OPERATIONS)
