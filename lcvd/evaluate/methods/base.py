"""The interface of relighting methods. A method that isn't Python code is a folder of results."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import torch

from lcvd.array import Array
from lcvd.config.settings import Settings
from lcvd.errors import MissingFile
from lcvd.evaluate.inputs.base import VideoRequest
from lcvd.evaluate.result_folders import find_result
from lcvd.model.pipeline import LCVDPipeline


class Options:
    """Constructor argument of methods. `pipe` loads the model on first access, once for all methods."""

    def __init__(self, settings: Settings, model: Path, device: torch.device) -> None:
        self.settings, self.model, self.device = settings, model, device

    @cached_property
    def pipe(self) -> LCVDPipeline:
        """The trained model.

        Raises:
            MissingFile: there is no such folder.
        """
        if not self.model.is_dir():
            raise MissingFile(f"{self.model}: no such folder; name a trained model with --model")
        pipe = LCVDPipeline.from_pretrained(
            self.model, torch_dtype=self.settings.evaluate.precision, device=self.device
        )
        pipe.set_progress_bar_config(disable=True)
        return pipe

    def changed(self, settings: Settings) -> Options:
        """The same model with other settings."""
        other = Options(settings, self.model, self.device)
        other.__dict__["pipe"] = self.pipe
        return other


class Method:
    """Generates videos. Networks are loaded in the constructor, so that a missing file is an error before any decoding."""

    title: str
    """Title in tables and figures."""
    meaning: str = ""
    """Short description for the report."""
    made: str = ""
    """How the frames are sampled. Numbers with different `made` aren't comparable."""
    relights: ClassVar[bool] = True
    """False: its video is the same for all lights."""
    animates: ClassVar[bool] = False
    """Whether it supports portraits and driving videos of different people. Methods that relight the input's frames don't."""
    ranked: ClassVar[bool] = True
    """False for baselines and bounds, which tables don't mark as best or second."""
    shows_person: ClassVar[bool] = True
    """False: only the light of its videos is measured."""
    needs_truth: ClassVar[bool] = False
    """Whether it works on studio clips only, which have a ground truth."""

    def __init__(self, options: Options) -> None:
        """Load networks."""

    def relight(self, request: VideoRequest) -> Iterator[Array]:
        """Yield the requested frames in order, in windows (n, S, S, 3) uint8 RGB of any length."""
        raise NotImplementedError(f"{type(self).__name__} must define relight or existing")

    def facts(self) -> dict[str, Any]:
        """Everything that determines its output, for JSON: sampling, and the hash of each weights file."""
        return {}

    def existing(self, request: VideoRequest) -> Path | None:
        """An existing file or folder with the requested video; None: `relight` generates it."""
        return None


class ResultFolder(Method):
    """Existing videos in the layout of `lcvd.evaluate.result_folders`."""

    animates = True

    def __init__(self, title: str, folder: Path) -> None:
        self.title, self.folder = title, folder

    def facts(self) -> dict[str, Any]:
        """The fact that it is a folder."""
        return {"folder": True}

    def existing(self, request: VideoRequest) -> Path | None:
        """See `Method`."""
        return find_result(self.folder, request.input.id, request.light.name)
