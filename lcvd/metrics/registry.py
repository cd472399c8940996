"""What is measured and on what: every metric's meaning and direction, and what it is compared with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lcvd.metrics import adjacent, arcface, deca_light, frechet, identity, iqa
from lcvd.metrics import efficientnet as features
from lcvd.metrics import fid as inception
from lcvd.metrics import fvd as i3d
from lcvd.metrics import temporal as perceptual
from lcvd.metrics.base import Direction
from lcvd.metrics.readings import ANGLE, LE, POSE, POSE68, PSNR, VQ
from lcvd.metrics.user_study import QUESTIONS
from lcvd.weights.registry import REGISTRY, weights_hash


@dataclass(frozen=True)
class Metric:
    """A metric as people read it."""

    name: str
    direction: Direction
    meaning: str
    weights: str = ""
    sha256: str = ""
    packages: tuple[str, ...] = ()
    """Distributions that compute it."""
    registered: str = ""
    """Name in the weights registry of the published file behind it, which the user brings."""

    def hashes(self) -> tuple[str, str]:
        """File name and SHA-256 of the weights; '' where there are none, or their package keeps them to itself.

        Raises:
            MissingWeights: the published file isn't there.
        """
        if not self.registered:
            return self.weights, self.sha256
        [file] = [entry.file for entry in REGISTRY if entry.name == self.registered]
        return file.rpartition("/")[2], weights_hash(self.registered)


_EFFICIENTNET = (features.weights_file().name, features.SHA256)
_SFACE = ("face_recognition_sface_2021dec.onnx", "0ba9fbfa01b5270c96627c4ef784da859931e02f04419c829e83484087c34e79")
_FACE_MESH = ("face mesh bundled with mediapipe", "")
_NUMPY, _OPENCV, _TORCH, _MEDIAPIPE = (
    ("lcvd", "numpy", *more) for more in ((), ("opencv-python-headless",), ("torch",), ("mediapipe",))
)

_ARC = ("lcvd", "torch", "onnxruntime", "opencv-python-headless")

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric(
            LE,
            "lower",
            "Distance between the light asked for and the light found on the face. The formula is the published LE's; "
            "the light is fitted to the picture over the known mesh instead of being estimated by DECA.",
            packages=_NUMPY,
        ),
        Metric(
            ANGLE,
            "lower",
            "Degrees between the direction asked for and the main direction of the light found on the face.",
            packages=_NUMPY,
        ),
        Metric(
            identity.NAME,
            "higher",
            "Likeness of the face to the person in the same driving frame: cosine of SFace embeddings, 1 the same, "
            "near 0 somebody else. The published metric uses ArcFace.",
            *_SFACE,
            _OPENCV,
        ),
        Metric(
            POSE,
            "lower",
            "How far facial landmarks are from the driving frame's: mean difference of a coordinate, in pixels of a "
            "256 px frame, where a face is found.",
            *_FACE_MESH,
            _MEDIAPIPE,
        ),
        Metric(
            PSNR,
            "higher",
            "Decibels between the video and the true relit one, inside the portrait. Only clips of the portrait studio "
            "have a true one.",
            packages=_NUMPY,
        ),
        Metric(
            adjacent.NAME,
            "reference",
            "Change from a frame to the next in ImageNet features. A frozen video scores 0; far above the driving "
            "video's own value is flicker. The published LPIPS is another measure.",
            *_EFFICIENTNET,
            _TORCH,
        ),
        Metric(
            frechet.NAME,
            "lower",
            "Distance between the outputs and the real driving frames as two clouds of ImageNet features. It isn't the "
            "published FID, which uses Inception-v3.",
            *_EFFICIENTNET,
            _TORCH,
        ),
        Metric(
            deca_light.NAME,
            "lower",
            "Distance between DECA's lights of the picture whose light is asked for and of the result (NFL's formula).",
            packages=_TORCH,
            registered=deca_light.WEIGHTS,
        ),
        *(
            Metric(name, "higher", "Likeness of the face: cosine of ArcFace embeddings.", "", "", _ARC, registered)
            for name, registered in arcface.WEIGHTS.items()
        ),
        Metric(
            perceptual.NAME,
            "reference",
            "Change from a frame to the next, by AlexNet (version 0.1).",
            packages=("lcvd", "lpips", "torch"),
            registered=perceptual.WEIGHTS,
        ),
        Metric(
            VQ,
            "higher",
            "Faster-VQA's score of the video, 0 worst to 1 best.",
            packages=_TORCH,
            registered="fastervqa",
        ),
        Metric(
            inception.NAME,
            "lower",
            "Distance between outputs and real frames as two clouds of Inception-v3 features.",
            packages=("lcvd", "torch-fidelity", "torch"),
            registered=inception.WEIGHTS,
        ),
        *(
            Metric(name, "lower", f"Distance between videos by I3D, {how}.", "", "", _TORCH, i3d.WEIGHTS)
            for name, how in (
                (i3d.NAME, "one clip of 16 frames a video, as published"),
                (i3d.ALL, "every 16 frames in turn"),
            )
        ),
        Metric(
            POSE68,
            "lower",
            "How far 68 landmarks of face-alignment are from the input's: mean difference of a coordinate, in pixels of "
            "a 256 px frame.",
            "networks of face-alignment",
            packages=("lcvd", "face-alignment", "torch"),
        ),
        *(
            Metric(name, "higher", f"Mean opinion of people from 1 to 5 (docs/study.md): {asked}", packages=("lcvd",))
            for name, asked in zip(
                QUESTIONS,
                ("does the light match?", "is it the same person?", "is the video good?"),
                strict=True,
            )
        ),
    )
}


def ordered(names: Iterable[str]) -> list[str]:
    """The names in the catalogue's order, pyiqa's last."""
    found = set(names)
    return [name for name in METRICS if name in found] + sorted(found - set(METRICS))


def metric_of(name: str) -> Metric:
    """The metric of that name; any ``IQ(...)`` is one of pyiqa's.

    Raises:
        KeyError: there is none.
    """
    if name.startswith("IQ("):
        meaning = f"Quality of single frames by pyiqa's {name[3:-1]}, in its own units."
        direction: Direction = "lower" if iqa.lower_better(name[3:-1]) else "higher"
        return Metric(name, direction, meaning, "networks of pyiqa", packages=("lcvd", "pyiqa", "torch"))
    return METRICS[name]


ARMS: dict[str, tuple[str, str]] = {
    "model": ("Model", "the relit video"),
    "copy": ("Reference copied", "the reference frame, repeated: doing nothing"),
    "driving": ("Driving video", "the real frames under their own light: perfect likeness, no relighting"),
    "ratio": (
        "Shading ratio",
        "the driving frames times the ratio of two shadings (sh-ratio): relit without any model, from frames that a portrait "
        "to animate doesn't have",
    ),
    "codec": ("Codec round trip", "the driving frames through the latent codec: the best any model with it could show"),
    "truth": (
        "True relit clip",
        "how studio clips really look under the light asked for: what a perfect model would show",
    ),
    "hint": ("Hint itself", "the grey shading hint: the least error that the light fit can report"),
}
"""Key, title and meaning of what is scored, the trained model first."""
