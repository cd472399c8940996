from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lcvd.shading.hints import ALBEDO, render_hints, shade_surface, surface_of, to_uint8


@pytest.mark.golden
def test_golden_shading_pixels(golden_dir: Path) -> None:
    """The published renderer through real PyTorch3D: coverage, facing, normals, shading, truncation."""
    stored = np.load(golden_dir / "shading.npz")
    ndc = stored["image_space_vertices_before_z10"] + np.array([0, 0, 10], np.float32)
    unique, counts = np.unique(np.sort(stored["face_list"]), return_counts=True)
    faces = stored["faces"][unique]
    size = stored["coverage"].shape[-1]
    surface = surface_of(stored["posed_vertices"], ndc, faces, size, counts)
    raw = shade_surface(surface, stored["light"])
    for case in range(len(ndc)):
        coverage, alpha = stored["coverage"][case].astype(bool), stored["alpha"][case].astype(bool)
        assert (surface.coverage[case] != coverage).mean() <= 0.002
        assert (surface.alpha[case] != alpha).mean() <= 0.002
        common = surface.coverage[case] & coverage
        gap = np.abs(surface.normals[case] - stored["normal_image"][case].astype(np.float32))[common]
        assert np.percentile(gap, 99.9) < 2e-3  # stored in float16
        error = np.abs(raw[case] - stored["shaded_raw"][case])[common]
        assert np.percentile(error, 99.9) <= 1e-3
        pixels = to_uint8(raw[case]).astype(int) - stored["shaded_u8"][case]
        assert np.abs(pixels).mean() <= 0.25


@pytest.mark.golden
def test_golden_shading_rejects_what_would_be_wrong(golden_dir: Path) -> None:
    """The tolerances see a renderer without face weights, and one with y turned round."""
    stored = np.load(golden_dir / "shading.npz")
    ndc = stored["image_space_vertices_before_z10"] + np.array([0, 0, 10], np.float32)
    faces = stored["faces"][np.unique(stored["face_list"])]
    for wrong in (ndc, ndc * np.array([1, -1, 1], np.float32)):
        surface = surface_of(stored["posed_vertices"], wrong, faces, stored["coverage"].shape[-1])
        error = np.abs(shade_surface(surface, stored["light"]) - stored["shaded_raw"])[stored["coverage"] > 0]
        assert np.percentile(error, 99.9) > 1e-3
