"""A machine that is gone: Prefect's automation marks its runs as crashed."""

import importlib
import json
import os
import pkgutil
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.tasks.test_chaos import ROOT, Deployed, wait

OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def automation() -> dict[str, Any]:
    """The one that comes along."""
    [found] = yaml.safe_load((ROOT / "prefect.automations.yaml").read_text(encoding="utf-8"))["automations"]
    return dict(found)


def asked(deployed: Deployed, path: str, body: dict[str, Any]) -> Any:
    """What the server's API answers."""
    request = urllib.request.Request(
        f"{deployed.environment['PREFECT_API_URL']}/{path}",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    with OPENER.open(request, timeout=30) as answer:
        return json.load(answer)


def test_it_watches_all_our_flows_and_waits_for_several_heartbeats() -> None:
    from prefect import Flow

    found = [importlib.import_module(f"flows.{each.name}") for each in pkgutil.iter_modules([str(ROOT / "flows")])]
    flows = [value for module in found for value in vars(module).values() if isinstance(value, Flow)]
    trigger = automation()["trigger"]
    assert sorted(trigger["match_related"]["prefect.resource.name"]) == sorted({flow.name for flow in flows})
    pool = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))["definitions"]["work_pool"]
    every = int(pool["job_variables"]["env"]["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"])
    assert 30 <= every <= trigger["within"] / 3


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_runs_of_a_machine_that_is_gone_are_marked_as_crashed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "PREFECT_FLOWS_HEARTBEAT_FREQUENCY", "30")  # no less is possible
    deployed, watching = Deployed(tmp_path / "project", "processes"), automation()
    deployed.environment["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"] = "30"

    def states() -> dict[str, str]:
        flows = {each["id"]: each["name"] for each in asked(deployed, "flows/filter", {})}
        return {flows[run["flow_id"]]: run["state_type"] for run in asked(deployed, "flow_runs/filter", {})}

    def heard() -> int:
        named = {"filter": {"event": {"name": ["prefect.flow-run.heartbeat"]}}}
        return len(
            {each["resource"]["prefect.resource.id"] for each in asked(deployed, "events/filter", named)["events"]}
        )

    try:
        deployed.services["worker"].kill()
        deployed.services["worker"].wait()
        deployed.work()  # with the shorter heartbeat
        watching["trigger"]["within"] = 65
        watching["trigger"]["match_related"]["prefect.resource.name"] = ["chain", "mapping"]
        (deployed.folder / "automations.yaml").write_text(yaml.safe_dump({"automations": [watching]}))
        deployed.call("automation", "create", "--from-file", "automations.yaml")
        deployed.call("deployment", "run", "chain/chain", "--param", "kind=processes")
        wait(deployed.stage)
        wait(lambda: heard() == 2)
        assert states() == {"chain": "RUNNING", "mapping": "RUNNING"}
        deployed.services["worker"].kill()
        for process in deployed.at_work():
            process.kill()
        time.sleep(1)
        assert states() == {"chain": "RUNNING", "mapping": "RUNNING"}  # nobody told the server
        wait(lambda: states() == {"chain": "CRASHED", "mapping": "CRASHED"}, 300)
    finally:
        deployed.end()
