"""Retries of a download: transient errors, refusals, and their pauses."""

import email.utils
import logging
import random
import time
from collections.abc import Callable
from contextlib import nullcontext

from lcvd.config.download import DownloadSettings
from lcvd.download.fetch.rate_limit import HostLimiter
from lcvd.errors import LcvdError
from lcvd.ledger.rows import ClipError

REVIVE_HINT = " (to retry dead addresses: lcvd sources revive)"
log = logging.getLogger(__name__)


class TransientError(LcvdError):
    """A timeout, truncated body or server error; a retry may succeed."""

    def __init__(self, message: str, wait: float = 0.0) -> None:
        super().__init__(message)
        self.wait = wait


class BlockedError(TransientError):
    """The host refuses (bot check, 401, 403, 429): retried once after a pause."""


def with_retries(
    url: str, attempt: Callable[[], None], settings: DownloadSettings, limiter: HostLimiter | None
) -> None:
    """Call `attempt` until it succeeds.

    It is retried up to `settings.retries` times after `TransientError` and once after `BlockedError`. Pauses double,
    with jitter; they are at least as long as the host requests (`wait`, at most `settings.patience_s`).

    Raises:
        ClipError: `broken` or `blocked` after the last attempt, or any ClipError of `attempt`.
    """
    jitter = random.Random(url)
    refusals = attempts = 0
    while True:
        try:
            with limiter.slot() if limiter else nullcontext():
                attempt()
            if limiter:
                limiter.record_outcome(refused=False)
            return
        except TransientError as error:
            attempts += 1
            is_blocked = isinstance(error, BlockedError)
            refusals += is_blocked
            is_wait_allowed = error.wait <= settings.patience_s
            if is_wait_allowed and attempts <= settings.retries + refusals and refusals <= 1:
                wait = max(error.wait, settings.backoff_s * 2 ** (attempts - 1) * (0.5 + jitter.random()))
                log.info("%s: %s; retrying in %.0f s", url, error, wait)
                if limiter and is_blocked:
                    limiter.pause(wait)  # other processes must pause, too
                else:
                    time.sleep(wait)
                continue
            message = f"{url}: {error}, after {attempts} attempt{'s' * (attempts > 1)}"
            if not is_wait_allowed:
                message += " (the requested pause is longer than download.patience_s)"
            if not is_blocked:
                raise ClipError("broken", f"{message}; retry later") from None
            if limiter:
                limiter.record_outcome(refused=True)
            raise ClipError("blocked", f"{message}; set download.cookies, or retry later") from None


def retry_after_seconds(value: str | None) -> float:
    """Seconds of a ``Retry-After`` header, which is a number or a date; 0 without the header."""
    if not value:
        return 0.0
    if value.strip().isdecimal():
        return float(value)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return 0.0
