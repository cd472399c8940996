"""Maskers by the name in ``reconstruct.mask``: this project's, and those of installed packages."""

from lcvd.config.reconstruct import MASKER_NAMES as NAMES
from lcvd.face.masks.base import Masker
from lcvd.face.masks.mediapipe import MediaPipe
from lcvd.face.masks.u2net import U2NetMasker
from lcvd.registry import Registry

MASKERS: Registry[Masker] = Registry(NAMES.kind, NAMES.group, Masker)
MASKERS.register("mediapipe", MediaPipe())
MASKERS.register("u2net", U2NetMasker(compat=False))
MASKERS.register("u2net-compat", U2NetMasker(compat=True))
