from pathlib import Path

import numpy as np
import pytest
import torch

from lcvd.model.objective import Coefficients
from lcvd.model.schedule import euler_scheduler


@pytest.mark.golden
def test_golden_sigma_schedule(golden_dir: Path) -> None:
    d = np.load(golden_dir / "sigma_schedule.npz")
    for steps in (int(key[7:]) for key in d.files if key.startswith("sigmas_")):
        scheduler = euler_scheduler()
        scheduler.set_timesteps(steps)
        np.testing.assert_allclose(scheduler.sigmas.numpy(), d[f"sigmas_{steps}"], rtol=3e-6)
        np.testing.assert_allclose(scheduler.timesteps.numpy(), d[f"timesteps_{steps}"], rtol=3e-6, atol=1e-6)
        assert float(scheduler.init_noise_sigma) == pytest.approx(float(d[f"init_noise_sigma_{steps}"]), rel=3e-6)
        edm = Coefficients.at(scheduler.sigmas[:-1].double())
        for name in ("c_in", "c_skip", "c_out", "c_noise", "weight"):
            np.testing.assert_allclose(getattr(edm, name).numpy(), d[f"{name}_{steps}"], rtol=1e-5, err_msg=name)
        x = torch.from_numpy(d[f"traj_{steps}"][0])
        for i, t in enumerate(scheduler.timesteps):
            v = 0.7 * torch.tanh(scheduler.scale_model_input(x, t)) + 0.1 * t
            x = scheduler.step(v, t, x, return_dict=False)[0]
            bound = 2e-4 * max(1.0, float(scheduler.sigmas[i + 1]))
            np.testing.assert_allclose(x.numpy(), d[f"traj_{steps}"][i + 1], atol=bound, rtol=0)
