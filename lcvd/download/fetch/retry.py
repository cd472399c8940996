"""How often an address is tried: failures that another try may mend, and those that it won't."""

from __future__ import annotations

import email.utils
import logging
import random
import time
from collections.abc import Callable
from contextlib import nullcontext

from lcvd.config.download import DownloadSettings
from lcvd.download.fetch.rate_limit import Gate
from lcvd.errors import LcvdError
from lcvd.ledger.rows import ClipError

BACK = " (if it is back: lcvd sources revive)"
COOKIES = "cookies of your own may help (download.cookies), or a later day"
log = logging.getLogger(__name__)


class Broken(LcvdError):
    """A time-out, a cut body, an error of the server: another try may mend it."""

    def __init__(self, told: str, wait: float = 0.0) -> None:
        super().__init__(told)
        self.wait = wait


class Blocked(Broken):
    """The host refuses (bot check, 401, 403, 429): one fresh try after a pause, then it is left in peace."""


def try_again(url: str, once: Callable[[], None], settings: DownloadSettings, gate: Gate | None) -> None:
    """Call `once` until it is done: after `Broken` up to `settings.retries` times more, after `Blocked` once more. Pauses
    double, with jitter, and are as long as the host asks for (`wait`) up to `settings.patience_s`.

    Raises:
        ClipError: `broken` or `blocked` after the last try; whatever `once` raises.
    """
    jitter = random.Random(url)
    refusals = attempts = 0
    while True:
        try:
            with gate.place() if gate else nullcontext():
                once()
            if gate:
                gate.count(refused=False)
            return
        except Broken as error:
            attempts += 1
            is_blocked = isinstance(error, Blocked)
            refusals += is_blocked
            patient = error.wait <= settings.patience_s
            if patient and attempts <= settings.retries + refusals and refusals <= 1:
                wait = max(error.wait, settings.backoff_s * 2 ** (attempts - 1) * (0.5 + jitter.random()))
                log.info("%s: %s, trying again in %.0f s", url, error, wait)
                if gate and is_blocked:
                    gate.hold(wait)  # the others aren't welcome either
                else:
                    time.sleep(wait)
                continue
            told = f"{url}: {error}, after {attempts} {'try' if attempts == 1 else 'tries'}"
            if not patient:
                told += " (it asks for a longer pause than download.patience_s)"
            if not is_blocked:
                raise ClipError("broken", f"{told}; try later") from None
            if gate:
                gate.count(refused=True)
            raise ClipError("blocked", f"{told}; {COOKIES}") from None


def asked_pause(value: str | None) -> float:
    """Seconds that a ``Retry-After`` header asks for: a number or a date; 0 where there is none."""
    if not value:
        return 0.0
    if value.strip().isdecimal():
        return float(value)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return 0.0
