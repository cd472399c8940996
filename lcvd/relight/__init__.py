"""Portrait, motion and light to a video. The room itself can be called: ``lcvd.relight(portrait, driving, light)``.

A function of that name couldn't stand beside the room: whoever imports a part of the room puts the room in its place.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lcvd.relight.result import Relit


class _Room(ModuleType):
    def __call__(self, *args: Any, **options: Any) -> Relit:
        """See `lcvd.relight.call.relight`; torch is imported on the first call."""
        from lcvd.relight.call import relight

        return relight(*args, **options)


sys.modules[__name__].__class__ = _Room
