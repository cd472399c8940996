"""A model's own sampling defaults count wherever it is used without options: library, command, page, pipeline."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

import lcvd
from lcvd.app.relight.light import LightInput
from lcvd.app.relight.make import Maker, RenderInput
from lcvd.app.relight.sessions import Session
from lcvd.cli.main import cli
from lcvd.config.io import dump_settings
from lcvd.config.settings import Settings
from lcvd.light.presets import preset
from lcvd.model.conditioning import Conditioning
from lcvd.model.pipeline import LCVDPipeline
from lcvd.model.sampling import Sampling
from lcvd.relighting.generate import Model, latents_of
from lcvd.relighting.options import SamplingOptions, SceneRequest
from lcvd.relighting.scene import scene_of
from lcvd.weights.strict import ModelError

OWN = Sampling(1.25, 1.5, "fast", 2, "shading+reference")


@pytest.fixture
def folder(model: Model, tmp_path: Path) -> Path:
    """A model folder with sampling defaults of its own."""
    parts = model.pipe.parts
    own = replace(parts, config={**parts.config, "sampling": asdict(OWN)})
    LCVDPipeline.of(own).save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def test_without_options_every_way_samples_a_model_alike(
    folder: Path,
    portrait: Path,
    relight_settings: Settings,
    scratch: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = lcvd.relight(portrait, None, "left", folder, settings=relight_settings, scratch=scratch)
    assert found.sampling == SamplingOptions(seed=0, **asdict(OWN))

    monkeypatch.chdir(tmp_path)  # a project whose settings ask the evaluation for something else
    Path("params.yaml").write_text(dump_settings(relight_settings), encoding="utf-8")
    words = [
        "relight",
        str(portrait),
        "--light",
        "left",
        "--model",
        str(folder),
        "-o",
        "a.png",
        "--scratch",
        str(scratch),
    ]
    done = CliRunner().invoke(cli, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    side = json.loads(Path("a.png.json").read_text())
    assert {name: side["settings"][name] for name in asdict(OWN)} == asdict(OWN)

    pipe = LCVDPipeline.from_pretrained(folder)
    pipe.set_progress_bar_config(disable=True)
    assert pipe.sampling == OWN
    scene = found.scene
    still, mask = scene.portrait.first(64)
    inputs = Conditioning.rendered(still, mask, scene.own, scene.codes.window([0]), preset("left"))
    latents = pipe(inputs, generator=0, output_type="latent").frames
    assert found.latents is not None
    assert torch.equal(latents[0], found.latents[0])

    maker, session = Maker(Model.load(pipe), relight_settings), Session(tmp_path, scene=scene)
    wanted = RenderInput(light=LightInput(lamps=[], fill=0.5), whole=True)
    result = maker.render(session, wanted, lambda *_: None, lambda: False)
    page = json.loads(session.results[result["side_file"]].read_text())
    assert {name: page["settings"][name] for name in asdict(OWN)} == asdict(OWN)


def test_options_replace_the_models_own_one_by_one(folder: Path) -> None:
    model = Model.load(folder)
    assert model.sampling(SamplingOptions(likeness=1.0)) == replace(OWN, likeness=1.0)
    assert model.sampling(SamplingOptions(recipe="default")) == replace(OWN, recipe="default", steps=25)
    with pytest.raises(ModelError, match="model has no adapter for landmark"):
        model.sampling(SamplingOptions(adapters="landmark+reference"))


def test_equal_sampling_is_found_again_however_it_was_asked_for(
    folder: Path, portrait: Path, relight_settings: Settings, scratch: Path, tmp_path: Path
) -> None:
    scene = scene_of(SceneRequest(portrait), scratch, relight_settings)
    lights = scene.light("left", scratch, relight_settings)
    model, calls = Model.load(folder), []

    def count(*_: object) -> None:
        calls.append(1)

    first = latents_of(scene, lights, model, SamplingOptions(), tmp_path, count)
    assert calls
    calls.clear()
    spelt = latents_of(scene, lights, model, SamplingOptions(**asdict(OWN)), tmp_path, count)
    assert not calls
    assert torch.equal(first, spelt)
