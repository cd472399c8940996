"""A page with a model that has learned nothing, examples that packages carry, and somebody who uses it."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from lcvd.app.relight.card import about
from lcvd.app.relight.examples import packaged
from lcvd.app.relight.make import Maker
from lcvd.app.relight.page import relight_app
from lcvd.config.profiles import DEMO
from lcvd.config.settings import Settings
from lcvd.model.lcvd import LCVD
from lcvd.model.pipeline import LCVDPipeline
from lcvd.relighting.generate import Model

TINY = {
    "size": 64,
    "frames": 4,
    "overlap": 2,
    "latents": {"autoencoder": "tiny"},
    "unet": {"channels": (32, 32), "heads": (1, 1), "layers": 1, "time_ids_dim": 8},
    "image_encoder": {"width": 16, "layers": 1, "heads": 2, "mlp": 16, "patch": 56, "projection": 32},
}


@pytest.fixture(scope="session")
def maker() -> Maker:
    settings = Settings.model_validate(DEMO | {"train": {"model": TINY}, "evaluate": {"steps": 2, "guidance": 1.5}})
    return Maker(replace(Model.load(LCVDPipeline.of(LCVD.fresh(settings.train.model, seed=0))), name="tiny"), settings)


@pytest.fixture
def page(maker: Maker, tmp_path: Path) -> Callable[..., Starlette]:
    """Makes the page; what it keeps lies in `tmp_path`."""

    def make(**options: Any) -> Starlette:
        limits = options.pop("limits", None)
        return relight_app(maker, about(maker.model, "tiny"), packaged(), tmp_path, limits=limits, **options)

    return make


class User:
    """Somebody with a browser."""

    def __init__(self, address: str) -> None:
        self.http = httpx.Client(base_url=address, timeout=120)
        assert self.http.get("/").status_code == 200

    def do(self, path: str, **values: Any) -> httpx.Response:
        return self.http.post(path, json=values)

    def upload(self, role: str, name: str, content: bytes) -> httpx.Response:
        return self.http.post(f"/upload/{role}", params={"name": name}, content=content)

    def ended(self, answer: httpx.Response, pause: float = 0.05) -> dict[str, Any]:
        """A job's last state."""
        assert answer.status_code == 200, answer.text
        state = answer.json()
        while state["state"] in ("waiting", "running"):
            time.sleep(pause)
            state = self.http.get(f"/jobs/{state['id']}").json()
        return state

    def ready(self, **part: Any) -> dict[str, Any]:
        """With the astronaut read."""
        assert self.do("/pick/portrait", name="astronaut.png").status_code == 200
        state = self.ended(self.do("/read", **part))
        assert state["state"] == "done", state
        return state["result"]


@pytest.fixture(scope="session")
def user() -> type[User]:
    """Makes somebody who opens the page at an address."""
    return User


@pytest.fixture
def light() -> dict[str, Any]:
    """A lamp from the left, as the page sends it."""
    lamp = {"direction": [-1, 0, 0.3], "colour": "#ffffff", "strength": 1.0, "softness": 0.0}
    return {"lamps": [lamp], "fill": 0.25}
