"""Errors that are about the machine and not about the clip in hand: they end a stage instead of becoming a row."""

from __future__ import annotations

import errno

_HINTS = {
    errno.ENOSPC: "the disk is full; free space",
    errno.EDQUOT: "the disk quota is used up; free space",
    errno.EFBIG: "files may not be that large here (ulimit -f); raise the limit",
    errno.EROFS: "the folder is read-only; make it writable",
    errno.EACCES: "no permission; make it readable and writable for this user",
    errno.EPERM: "not permitted; make it writable for this user",
    errno.EIO: "the disk doesn't read or write; check it",
    errno.EMFILE: "too many open files (ulimit -n); raise the limit",
    errno.ENFILE: "too many open files on this machine; close some",
    errno.ESTALE: "the network folder went away; mount it again",
}
_IN_TEXT = {f"(os error {number})": number for number in _HINTS} | {  # Rust's libraries tell no errno, C++ ones a text
    "No space left on device": errno.ENOSPC,
    "File too large": errno.EFBIG,
    "Read-only file system": errno.EROFS,
}


class MachineError(RuntimeError):
    """Something about this machine or its settings, such as a full disk, stops all clips alike: the stage ends.

    The message says what was found and what to do.
    """


def machine_error(error: BaseException) -> MachineError | None:
    """What to tell of `error` if the machine is to blame, None if it isn't."""
    number = getattr(error, "errno", None)
    if number not in _HINTS:
        number = next((number for text, number in _IN_TEXT.items() if text in str(error)), None)
    if number is None:
        return None
    place = getattr(error, "filename", None)
    found = f"{place}: " if place and str(place) not in str(error) else ""
    return MachineError(
        f"{found}{error}: {_HINTS[number]}, then run the same command again: what is done isn't done twice"
    )
