"""Pushing a model to a hub and fetching it again, over real HTTP to a hub on loopback."""

import subprocess
import sys
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.lcvd.model.hub_server import FILES, Hub

PUSH_AND_FETCH = """
import sys, torch
from lcvd.model.lcvd import LCVD
from lcvd.model.pipeline import LCVDPipeline
from tests.lcvd.model.test_lcvd import tiny, trained
model = trained(LCVD.fresh(tiny(), 0))
LCVDPipeline.of(model).push_to_hub("someone/relit", token="hf_test")
found = LCVDPipeline.from_pretrained("someone/relit", cache_dir=sys.argv[1], token="hf_test").model.state_dict()
assert all(torch.equal(tensor, found[key]) for key, tensor in model.state_dict().items())
try:
    LCVDPipeline.from_pretrained("someone/else", cache_dir=sys.argv[1], token="hf_test")
except ValueError as error:
    print(error)
"""


@pytest.fixture
def hub() -> Iterator[str]:
    """Address of an empty hub."""
    FILES.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def test_a_model_is_pushed_and_fetched(hub: str, tmp_path: Path) -> None:
    """In a process of its own, since the client reads the hub's address once."""
    environment = {
        "HF_ENDPOINT": hub,
        "HF_HOME": str(tmp_path / "home"),
        "HF_HUB_DISABLE_XET": "1",
        "PATH": "/usr/bin:/bin",
    }
    done = subprocess.run(
        [sys.executable, "-c", PUSH_AND_FETCH, str(tmp_path / "cache")],
        env=environment, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert "someone/else: no such folder, and the hub doesn't give a model of that name" in done.stdout
    pushed = FILES["someone/relit"]
    assert {"model_index.json", "README.md", "unet/config.json", "packing/config.json"} <= set(pushed)
    assert not [name for name in pushed if name.endswith((".bin", ".pth", ".pt"))]
