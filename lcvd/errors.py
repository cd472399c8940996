"""The errors that this project raises on purpose, and which errors a program prints as one message.

The command line, the flows and the page print an `LcvdError` or a machine error as one message (`expected`). Any other
exception is a programming error and keeps its traceback.
"""

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
_IN_TEXT = {
    f"(os error {number})": number for number in _HINTS
} | {  # Rust libraries set no errno, C++ libraries a text
    "No space left on device": errno.ENOSPC,
    "File too large": errno.EFBIG,
    "Read-only file system": errno.EROFS,
}


class LcvdError(Exception):
    """An expected failure. The message names the file, key or value and what to do next."""


class UsageError(LcvdError, ValueError):
    """An argument, option or setting is wrong; also a `ValueError`, so that callers in Python can catch it as one."""


class FileError(LcvdError, ValueError):
    """A file is damaged, has another format or lacks a required part; also a `ValueError`."""


class MissingFile(LcvdError, FileNotFoundError):
    """A required file or folder doesn't exist; also a `FileNotFoundError`."""


class MissingPackage(LcvdError, ModuleNotFoundError):
    """An optional package isn't installed; the message names the extra that installs it. Also an `ImportError`."""


class MachineError(LcvdError, RuntimeError):
    """The machine or its settings, for example a full disk, stop all clips alike, so the stage ends."""


def machine_error(error: BaseException) -> MachineError | None:
    """`error` as a `MachineError` with a remedy; None if the machine isn't the cause."""
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


def gpu_out_of_memory(error: BaseException) -> bool:
    """Whether `error` is `torch.OutOfMemoryError`; torch isn't imported."""
    return type(error).__name__ == "OutOfMemoryError" and type(error).__module__.partition(".")[0] == "torch"


def expected(error: BaseException) -> str | None:
    """The message to print for an expected error; None for a programming error, which needs its traceback."""
    if isinstance(error, LcvdError):
        return str(error)
    machine = machine_error(error)
    return str(machine) if machine else None
