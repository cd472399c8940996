"""Methods that come as code, by name. A new one is a class with `animates`, `relight` and `facts`, and a line in `PLUGINS`."""

from __future__ import annotations

from lcvd.errors import UsageError
from lcvd.evaluate.methods.base import Method, Options
from lcvd.evaluate.methods.dpr import Dpr
from lcvd.evaluate.methods.lcvd import Lcvd
from lcvd.evaluate.methods.sh_ratio import ShRatio

PLUGINS: dict[str, type[Method]] = {
    "lcvd": Lcvd,
    "dpr": Dpr,
    "sh-ratio": ShRatio,
}


def open_method(name: str, options: Options) -> Method:
    """The method of that name.

    Raises:
        UsageError: there is none.
        FileNotFoundError, ModelError: what it loads isn't there, or isn't that.
    """
    if name not in PLUGINS:
        raise UsageError(f"method {name!r} isn't one of {', '.join(PLUGINS)}; of another, name a folder: {name}=FOLDER")
    return PLUGINS[name](options)
