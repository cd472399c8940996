import numpy as np
import pytest

from lcvd.config.reconstruct import LightSettings
from lcvd.ledger.rows import ClipError
from lcvd.light.estimate import fit_light, solve, tones_of
from lcvd.light.presets import preset
from lcvd.light.skin_samples import gather, join
from lcvd.render.sh import dominant_direction, shade_images, shading
from lcvd.studio.motion import lights

SETTINGS = LightSettings()
SIZE = 96


def ball(frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Normal images of a ball that fills the picture, and what is covered."""
    axis = (np.arange(SIZE) + 0.5) / SIZE * 2 - 1
    x, y = np.meshgrid(axis, -axis)
    z = np.sqrt(np.clip(1 - x * x - y * y, 0, None))
    normals = np.broadcast_to(np.stack([x, y, z], -1), (frames, SIZE, SIZE, 3)).astype(np.float32)
    return normals, np.broadcast_to(x * x + y * y < 0.98, (frames, SIZE, SIZE))


def photograph(normals: np.ndarray, skin: np.ndarray, light: np.ndarray, albedo: tuple[float, ...]) -> np.ndarray:
    """The ball under `light`, with uneven skin."""
    random = np.random.default_rng(0)
    lights = np.broadcast_to(light, (len(skin), 9, 3))
    picture = shade_images(normals, skin, lights, 1.0) * np.asarray(albedo)
    picture *= 1 + random.normal(0, 0.05, skin.shape)[..., None]
    return (np.clip(picture, 0, 1) * 255).astype(np.uint8)


def angle(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.degrees(np.arccos(np.clip((a * b).sum(-1), -1, 1))).max())


def relative_error(found: np.ndarray, true: np.ndarray, normals: np.ndarray) -> float:
    """RMS difference of the two lights' shading on the front, after the best common scale a channel."""
    front = normals[0][normals[0][..., 2] > 0.35]
    a, b = shading(front, found), shading(front, true)
    scale = (a * b).sum(0) / (a * a).sum(0)
    return float(np.sqrt(((a * scale - b) ** 2).mean()) / b.mean())


@pytest.mark.parametrize("name", ["left", "right", "top", "warm-right"])
def test_finds_a_known_light(name: str) -> None:
    normals, skin = ball(2)
    true = preset(name)
    found = fit_light(photograph(normals, skin, true, (0.6, 0.45, 0.4)), normals, skin, SETTINGS)
    assert found.shape == (2, 9, 3)
    assert found.dtype == np.float32
    assert angle(dominant_direction(found), dominant_direction(true)) < 5
    assert relative_error(found[0], true, normals) < 0.04


def test_a_fitted_hint_gives_its_light_back() -> None:
    """Brightness, too: the hint of a fitted light, fitted again, differs by the albedo's share alone."""
    normals, skin = ball(1)
    first = fit_light(photograph(normals, skin, preset("left"), (0.62, 0.45, 0.36)), normals, skin, SETTINGS)
    hint = photograph(normals, skin, first[0], (0.6,) * 3)
    second = fit_light(hint, normals, skin, SETTINGS)
    assert relative_error(second[0], first[0], normals) < 0.04
    assert 0.6 < second[0, 0].mean() / first[0, 0].mean() < 1.4


def test_hair_and_glasses_count_little() -> None:
    normals, skin = ball(1)
    picture = photograph(normals, skin, preset("right"), (0.6, 0.45, 0.4))
    picture[:, 30:36, 20:76] = 10
    picture[:, :14] = 25
    picture[:, 60:64, 40:44] = 255
    found = fit_light(picture, normals, skin, SETTINGS)
    assert angle(dominant_direction(found), dominant_direction(preset("right"))) < 8
    assert relative_error(found[0], preset("right"), normals) < 0.06


def test_a_turning_light_is_followed() -> None:
    normals, skin = ball(40)
    share = np.linspace(0, 1, 40)[:, None, None]
    true = preset("left") * (1 - share) + preset("right") * share
    found = fit_light(photograph(normals, skin, true, (0.6, 0.45, 0.4)), normals, skin, SETTINGS)
    side = dominant_direction(found)[:, 0]
    assert side[0] < -0.5
    assert side[-1] > 0.5
    assert (np.diff(side) > -0.01).all()


@pytest.mark.parametrize("seed", [1, 2, 5])
def test_a_moving_light_keeps_its_contrast(seed: int) -> None:
    """What is far from the clip's mean light isn't thrown away as hair or glasses, which still are."""
    normals, skin = ball(40)
    true = lights(seed, 40, 25.0)
    picture = photograph(normals, skin, true, (0.6, 0.45, 0.4))
    picture[:, 30:36, 20:76] = 10
    picture[:, :14] = 25
    front = normals[0][normals[0][..., 2] > 0.35]
    shape_found, shape_true = (
        values / values.mean(1, keepdims=True) - 1
        for values in (shading(front, light).mean(-1) for light in (fit_light(picture, normals, skin, SETTINGS), true))
    )
    kept = (shape_found * shape_true).sum(1) / (shape_true**2).sum(1)
    assert 0.9 < np.median(kept) < 1.1
    assert np.sqrt(((shape_found - shape_true) ** 2).mean()) < 0.12


@pytest.mark.parametrize("name", ["left", "top"])
def test_even_skin_keeps_its_light_when_places_may_differ(name: str) -> None:
    """One still picture can't tell tone from light: the light explains what it can."""
    normals, skin = ball(2)
    rows, columns = np.mgrid[:SIZE, :SIZE] // 12
    places = np.broadcast_to(rows * (SIZE // 12) + columns, skin.shape)
    samples = gather(photograph(normals, skin, preset(name), (0.6, 0.45, 0.4)), normals, skin, places)
    assert len(np.unique(samples.place)) > 40
    assert angle(dominant_direction(solve(samples, SETTINGS)), dominant_direction(preset(name))) < 5


def test_a_tone_is_how_much_lighter_its_place_is() -> None:
    square = (np.random.default_rng(0).uniform(0.3, 0.8, (3, 100)) ** 2).sum(axis=1)
    found = tones_of(square, square * (0.8, 1.0, 1.2), np.full(3, 100))
    np.testing.assert_allclose(found.mean(), 1, atol=1e-6)
    np.testing.assert_allclose(found, [0.85, 1.0, 1.15], atol=0.02)


def test_a_long_clip_is_worked_on_in_parts_that_dont_show(monkeypatch: pytest.MonkeyPatch) -> None:
    normals, skin = ball(5)
    rows, columns = np.mgrid[:SIZE, :SIZE] // 12
    places = np.broadcast_to(rows * (SIZE // 12) + columns, skin.shape)
    samples = gather(photograph(normals, skin, preset("left"), (0.6, 0.45, 0.4)), normals, skin, places)
    whole = solve(samples, SETTINGS)
    monkeypatch.setattr("lcvd.light.estimate.AT_ONCE", 1000)  # cuts frames in two
    assert len(samples.frame) > 5000
    np.testing.assert_allclose(solve(samples, SETTINGS), whole, atol=1e-5)


def test_frames_without_skin_take_the_light_of_the_others() -> None:
    normals, skin = ball(12)
    picture = photograph(normals, skin, preset("top"), (0.6, 0.45, 0.4))
    skin = skin.copy()
    skin[4:7] = False
    found = fit_light(picture, normals, skin, SETTINGS.model_copy(update={"smooth_frames": 0.0}))
    assert angle(dominant_direction(found), dominant_direction(preset("top"))) < 5
    np.testing.assert_array_equal(found[4], found[5])


def test_windows_give_what_the_whole_gives() -> None:
    normals, skin = ball(5)
    picture = photograph(normals, skin, preset("left"), (0.6, 0.45, 0.4))
    whole = fit_light(picture, normals, skin, SETTINGS)
    parts = [gather(picture[cut], normals[cut], skin[cut]) for cut in (slice(0, 2), slice(2, 5))]
    np.testing.assert_array_equal(solve(join(parts), SETTINGS), whole)


def test_no_skin_is_said() -> None:
    normals, skin = ball(1)
    with pytest.raises(ClipError, match="0 blocks of visible skin in 1 frames"):
        fit_light(np.zeros((1, SIZE, SIZE, 3), np.uint8), normals, np.zeros_like(skin), SETTINGS)
