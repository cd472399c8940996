"""What is measured and on what: every metric's meaning and direction, and what it is compared with."""

from __future__ import annotations

from dataclasses import dataclass

from lcvd.metrics import adjacent, features, frechet, identity
from lcvd.metrics.record import Direction


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


_EFFICIENTNET = (features.weights_file().name, features.SHA256)
_SFACE = ("face_recognition_sface_2021dec.onnx", "0ba9fbfa01b5270c96627c4ef784da859931e02f04419c829e83484087c34e79")
_FACE_MESH = ("face mesh bundled with mediapipe", "")
_NUMPY, _OPENCV, _TORCH, _MEDIAPIPE = (
    ("lcvd", "numpy", *more) for more in ((), ("opencv-python-headless",), ("torch",), ("mediapipe",))
)

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric(
            "LE(open)",
            "lower",
            "Distance between the light asked for and the light found on the face. The formula is the published LE's; "
            "the light is fitted to the picture over the known mesh instead of being estimated by DECA.",
            packages=_NUMPY,
        ),
        Metric(
            "Light angle(open)",
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
            "POSE(MediaPipe)",
            "lower",
            "How far facial landmarks are from the driving frame's: mean difference of a coordinate, in pixels of a "
            "256 px frame, where a face is found.",
            *_FACE_MESH,
            _MEDIAPIPE,
        ),
        Metric(
            "PSNR(studio)",
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
    )
}

ARMS: dict[str, tuple[str, str]] = {
    "model": ("Model", "the relit video"),
    "copy": ("Reference copied", "the reference frame, repeated: doing nothing"),
    "driving": ("Driving video", "the real frames under their own light: perfect likeness, no relighting"),
    "codec": ("Codec round trip", "the driving frames through the latent codec: the best any model with it could show"),
    "truth": (
        "True relit clip",
        "how studio clips really look under the light asked for: what a perfect model would show",
    ),
    "hint": ("Hint itself", "the grey shading hint: the least error that the light fit can report"),
}
"""Key, title and meaning of what is scored, the trained model first."""
