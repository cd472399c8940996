"""Quality scores by the name in ``filter.quality.metric``: this project's, and those of installed packages."""

from lcvd.config.filter import QUALITY_SCORE_NAMES as NAMES
from lcvd.filter.scores.base import QualityScore
from lcvd.filter.scores.fastervqa import FasterVqaScore
from lcvd.filter.scores.none import NoScore
from lcvd.filter.scores.piqe import Piqe
from lcvd.registry import Registry

QUALITY_SCORES: Registry[QualityScore] = Registry(NAMES.kind, NAMES.group, QualityScore)
QUALITY_SCORES.register("fastervqa", FasterVqaScore())
QUALITY_SCORES.register("piqe", Piqe())
QUALITY_SCORES.register("none", NoScore())
