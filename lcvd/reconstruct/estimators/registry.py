"""Face estimators by the name in ``reconstruct.codes``: this project's, and those of installed packages."""

from lcvd.config.reconstruct import FACE_ESTIMATOR_NAMES as NAMES
from lcvd.reconstruct.estimators.base import FaceEstimator
from lcvd.reconstruct.estimators.deca import Deca
from lcvd.reconstruct.estimators.open_head import OpenHead
from lcvd.registry import Registry

FACE_ESTIMATORS: Registry[FaceEstimator] = Registry(NAMES.kind, NAMES.group, FaceEstimator)
FACE_ESTIMATORS.register("open", OpenHead())
FACE_ESTIMATORS.register("deca", Deca())
