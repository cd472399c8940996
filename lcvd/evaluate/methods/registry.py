"""Methods by name: this project's, and those of installed packages."""

from lcvd.config.evaluate import METHOD_NAMES as NAMES
from lcvd.evaluate.methods.base import Method
from lcvd.evaluate.methods.baselines import Codec, Copy, Driving, HintItself, TrueClip
from lcvd.evaluate.methods.dpr import Dpr
from lcvd.evaluate.methods.lcvd import Lcvd
from lcvd.evaluate.methods.sh_ratio import ShRatio
from lcvd.registry import Registry

METHODS: Registry[type[Method]] = Registry(NAMES.kind, NAMES.group, type)
METHODS.register("lcvd", Lcvd)
METHODS.register("driving", Driving)
METHODS.register("copy", Copy)
METHODS.register("sh-ratio", ShRatio)
METHODS.register("dpr", Dpr)
METHODS.register("codec", Codec)
METHODS.register("truth", TrueClip)
METHODS.register("hint", HintItself)
DRIVING = "driving"
"""The method that is always evaluated; the others are compared with it."""
OURS = "lcvd"
