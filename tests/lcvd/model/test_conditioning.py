"""The inputs of a video: rendered from face codes, or given as images; the pipeline's tests check wrong ones."""

import numpy as np
import torch

from lcvd.face.heads import head_of
from lcvd.light.presets import preset
from lcvd.model.conditioning import Conditioning
from lcvd.render.hints import Hints, hints_of
from lcvd.render.warp import WarpedReference
from lcvd.studio.clip import StudioClip


def test_rendered_inputs_are_the_renderers() -> None:
    clip = StudioClip("astronaut", seed=0, light="left", frames=4, size=64)
    codes = clip.truth()
    frames, masks = next(iter(clip.render()))
    own, rest, head = codes.window([0]), codes.window([1, 2, 3]), head_of(codes.head)
    found = Conditioning.rendered(frames[0], masks[0], own, rest, preset("top"))
    np.testing.assert_array_equal(found.reference, frames[0])
    np.testing.assert_array_equal(found.reference_hint, next(hints_of(head, own, 64))[0])
    np.testing.assert_array_equal(found.hints[:], Hints(head, rest, 64, preset("top"))[:])
    np.testing.assert_array_equal(found.warped_reference[:], WarpedReference(head, frames[0], own, rest)[:])
    sequences = found.sequences({"reference"}, 64)
    assert list(sequences) == ["shading", "reference"]
    assert [len(images) for images in sequences.values()] == [4, 4]
    first = torch.from_numpy(frames[0]).movedim(-1, 0) / 255
    torch.testing.assert_close(sequences["reference"].at(torch.tensor([0]))[0], first)
