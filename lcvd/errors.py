"""The base of every error that this project raises on purpose.

The command line, the flows and the page print an `LcvdError` as one message. Any other exception is a programming error
or a machine error and keeps its traceback.
"""

from __future__ import annotations


class LcvdError(Exception):
    """An expected failure. The message names the file, key or value and what to do next."""


class UsageError(LcvdError, ValueError):
    """An argument, option or setting is wrong; also a `ValueError`, so that callers in Python can catch it as one."""
