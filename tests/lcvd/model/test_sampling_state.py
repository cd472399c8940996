"""A sampling run that is interrupted at any point and continued gives the same bytes as an uninterrupted one."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from lcvd.model.guidance import Guidance
from lcvd.model.recipe import Recipe
from lcvd.model.sampler import Rows, sample
from lcvd.model.sampling_state import StateFolder
from lcvd.model.schedule import euler_scheduler

NOISE = torch.randn(4, 2, 3, 3, generator=torch.Generator().manual_seed(0))


class Ended(Exception):
    pass


class Network:
    """A smooth function of its input; ends the run at a call of which the number is given."""

    def __init__(self, end: int | None = None) -> None:
        self.calls, self.end = 0, end

    def __call__(self, scaled: Tensor, timestep: Tensor, rows: Rows) -> Tensor:
        if self.calls == self.end:
            raise Ended
        self.calls += 1
        place = rows.frames_RT[..., None, None, None] / 10
        return torch.sin(scaled + place) + 0.1 * timestep + rows.set_R[:, None, None, None, None] * 0.3


def run(network: Network, recipe: Recipe, state_folder: StateFolder | None = None, **more: Any) -> Tensor:
    how: dict[str, Any] = {
        "scheduler": euler_scheduler(),
        "recipe": recipe,
        "guidance": Guidance(2.0, 1.5),
        "overlap": 2,
    }
    return sample(network, NOISE, 11, state_folder=state_folder, **how, **more)


@pytest.mark.parametrize("solver", ["euler", "dpmpp"])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.35, 0.5, 0.99])
def test_an_ended_run_goes_on_to_the_same_bytes(tmp_path: Path, solver: Any, share: float) -> None:
    recipe = Recipe(6, solver, "shifted")
    whole = Network()
    expected = run(whole, recipe)
    end = int(share * whole.calls)
    with pytest.raises(Ended):
        run(Network(end), recipe, StateFolder(tmp_path))
    rest, seen = Network(), []
    found = run(rest, recipe, StateFolder(tmp_path), progress=lambda done, total: seen.append((done, total)))
    assert torch.equal(found, expected)
    assert rest.calls == whole.calls - end
    assert seen[-1][0] == seen[-1][1]


def test_a_finished_run_asks_the_network_nothing_and_a_torn_file_is_made_again(tmp_path: Path) -> None:
    recipe = Recipe(3)
    expected = run(Network(), recipe, StateFolder(tmp_path))
    again = Network()
    assert torch.equal(run(again, recipe, StateFolder(tmp_path)), expected)
    assert again.calls == 0
    assert not list(tmp_path.glob("rows-*"))
    (tmp_path / "state.safetensors").write_bytes(b"torn")
    assert torch.equal(run(again, recipe, StateFolder(tmp_path)), expected)
    assert again.calls > 0
