"""The two profiles: named sets of values for ``Settings``. No other code depends on the profile's name."""

from typing import Any

from lcvd.config.settings import Settings
from lcvd.errors import UsageError

DEMO: dict[str, Any] = {
    "profile": "demo",
    "seed": 0,
    "runner": {},
    "download": {},
    "filter": {
        "track": {"max_frames": 160},
        "thresholds": {"min_face_px": 48.0, "min_face_share": 0.9, "min_sharpness": 5.0, "max_piqe": 95.0},
    },
    "reconstruct": {"size": 192},
    "shard": {"size": 128, "crf": 4, "max_shard_mb": 32.0, "val_share": 0.0, "test_share": 0.25},
    "train": {
        # On two cores, two single-threaded processes have 1.4 times the throughput of one process with two threads.
        "steps": 250,
        "global_batch": 2,
        "processes": 2,
        "precision": "fp32",
        "engine": {"checkpointed_levels": 0},
        "watch": {"held_out_every": 125},
        "loaders": 1,
        "checkpoint_every": 100,
        "model": {
            "start": "small",
            "size": 128,
            "frames": 8,
            "overlap": 3,
            "sigmas": (0.05, 30.0),
            "warp_reference": True,
            "latents": {"autoencoder": "tiny"},
            "unet": {"channels": (64, 64, 96), "heads": (2, 2, 3), "layers": 1, "time_ids_dim": 32},
            "image_encoder": {"width": 64, "layers": 2, "heads": 2, "mlp": 128, "patch": 32, "projection": 64},
        },
        # The demo samples with few steps, all at high noise levels, so its short training concentrates on those.
        "objective": {"sigma_mean": 1.0, "sigma_std": 1.2, "gate": 0.75},
        "optimiser": {
            "name": "adamw",
            "lr": 1e-5,
            "betas": (0.9, 0.99),
            "schedule": "cosine",
            "warmup": 20,
            "ema": 0.99,
        },
    },
    "evaluate": {"clips": 2, "frames": 31, "recipe": "fast", "steps": 6},
}

PAPER: dict[str, Any] = {
    "profile": "paper",
    "seed": 666,
    "runner": {"chunk": 32},
    "download": {},
    "filter": {"quality": {"metric": "fastervqa"}},
    "reconstruct": {"size": 512},
    "shard": {},
    # The published code validates every 100 steps, when little has changed yet; one validation costs as much as a few steps.
    "train": {"watch": {"held_out_every": 1000, "video_every": 1000}, "model": {"start": "svd-xt"}},
    "evaluate": {"clips": 110},
}

PROFILES: dict[str, dict[str, Any]] = {"demo": DEMO, "paper": PAPER}


def profile(name: str) -> Settings:
    """Return the settings of the profile `name` with every default filled in.

    Raises:
        UsageError: there is no such profile.
    """
    if name not in PROFILES:
        raise UsageError(f"profile {name!r} doesn't exist; choose one of {', '.join(sorted(PROFILES))}")
    return Settings.model_validate(PROFILES[name])
