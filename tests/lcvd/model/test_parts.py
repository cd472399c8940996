"""Model folders: what is written is read back exactly, and nothing else is."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from lcvd.model.hub import INDEX
from lcvd.model.lcvd import LCVD
from lcvd.model.pipeline import LCVDPipeline
from lcvd.model.sampling import Sampling
from lcvd.model.schedule import Solver, solver_of
from lcvd.weights.strict import ModelError
from tests.lcvd.model.test_lcvd import tiny, trained


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved model."""
    folder = tmp_path_factory.mktemp("hub") / "model"
    LCVDPipeline.of(trained(LCVD.fresh(tiny(), 0))).save_pretrained(folder)
    return folder


@pytest.fixture
def copied(saved: Path, tmp_path: Path) -> Path:
    """A copy of it to spoil."""
    return Path(shutil.copytree(saved, tmp_path / "model"))


def test_a_model_is_read_back_exactly(saved: Path) -> None:
    torch.manual_seed(7)
    before = torch.random.get_rng_state()
    model, original = LCVDPipeline.from_pretrained(saved).model, trained(LCVD.fresh(tiny(), 0))
    assert torch.equal(before, torch.random.get_rng_state())
    state, expected = model.state_dict(), original.state_dict()
    assert list(state) == list(expected)
    assert all(torch.equal(state[key], expected[key]) for key in expected)
    assert (model.size, model.frames, model.overlap) == (original.size, original.frames, original.overlap)
    assert model.sigmas == original.sigmas == tiny().sigmas
    assert model.codec.description == original.codec.description
    assert not any(p.requires_grad for p in model.image_encoder.parameters())


@pytest.mark.parametrize("warp", [False, True])
def test_whether_the_reference_is_warped_is_read_back(tmp_path: Path, warp: bool) -> None:
    LCVDPipeline.of(LCVD.fresh(tiny().model_copy(update={"warp_reference": warp}), 0)).save_pretrained(
        tmp_path / "model"
    )
    assert LCVDPipeline.from_pretrained(tmp_path / "model").model.warp_reference == warp
    assert LCVDPipeline.from_pretrained(tmp_path / "model").model.warp_reference == warp
    index = tmp_path / "model" / INDEX
    config = json.loads(index.read_text())
    del config["warp_reference"]  # folders of other projects lack it
    index.write_text(json.dumps(config))
    assert not LCVDPipeline.from_pretrained(tmp_path / "model").model.warp_reference
    index.write_text(json.dumps(config | {"carried": warp}))  # its name in folders of earlier versions
    assert LCVDPipeline.from_pretrained(tmp_path / "model").model.warp_reference == warp


def test_sampling_defaults_are_read_back_and_older_folders_are_sampled_as_published(copied: Path) -> None:
    index = copied / INDEX
    config = json.loads(index.read_text())
    own = {"guidance": 1.5, "likeness": 3.0, "recipe": "fast", "steps": 4, "adapters": "reference"}
    index.write_text(json.dumps(config | {"sampling": own}))
    assert LCVDPipeline.from_pretrained(copied).sampling == Sampling(**own)
    index.write_text(json.dumps(config | {"sampling": {"likeness": 2.0}}))
    assert LCVDPipeline.from_pretrained(copied).sampling == Sampling(4.5, 2.0, "published", 25)
    del config["sampling"]
    index.write_text(json.dumps(config))
    assert LCVDPipeline.from_pretrained(copied).sampling == Sampling(4.5, 1.0, "published", 25)
    for wrong, message in (({"guidence": 1}, "expected some of guidance, likeness"), ({"steps": 0}, "steps: expected")):
        index.write_text(json.dumps(config | {"sampling": wrong}))
        with pytest.raises(ModelError, match=rf"model_index\.json: sampling: {message}"):
            LCVDPipeline.from_pretrained(copied)


def test_the_noise_levels_of_the_settings_are_those_that_are_sampled_at(tmp_path: Path) -> None:
    settings = tiny().model_copy(update={"sigmas": (0.25, 16.0)})
    LCVDPipeline.of(LCVD.fresh(settings, 0)).save_pretrained(tmp_path)
    model = LCVDPipeline.from_pretrained(tmp_path).model
    assert model.sigmas == (0.25, 16.0)
    solvers: tuple[Solver, ...] = ("euler", "dpmpp")
    for solver in solvers:
        scheduler = solver_of(solver, LCVDPipeline.from_pretrained(tmp_path).scheduler)
        scheduler.set_timesteps(3)
        # Karras' rule at rho 7: the seventh roots are evenly spaced
        expected = [16.0, ((16 ** (1 / 7) + 0.25 ** (1 / 7)) / 2) ** 7, 0.25]
        assert scheduler.sigmas[:3].tolist() == pytest.approx(expected, rel=1e-5)


def test_same_weights_same_bytes_and_folders_of_the_hub(saved: Path, tmp_path: Path) -> None:
    LCVDPipeline.from_pretrained(saved).save_pretrained(tmp_path / "again")
    files = {path.relative_to(saved).as_posix(): path.read_bytes() for path in saved.rglob("*") if path.is_file()}
    again = {p.relative_to(tmp_path / "again").as_posix(): p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    assert files == again
    weights = "diffusion_pytorch_model.safetensors"
    alone = {"model_index.json", "image_encoder/config.json", "image_encoder/model.safetensors"}
    alone.add("scheduler/scheduler_config.json")
    assert set(files) == alone | {
        f"{part}/{name}"
        for part in ("unet", "shading_adapter", "reference_adapter", "vae", "packing")
        for name in ("config.json", weights)
    }


@pytest.mark.parametrize("part", ["unet", "shading_adapter", "vae", "image_encoder"])
@pytest.mark.parametrize("change", ["missing", "unexpected"])
def test_a_key_too_few_or_too_many_is_an_error_that_names_file_and_key(copied: Path, part: str, change: str) -> None:
    path = next((copied / part).glob("*.safetensors"))
    tensors = load_file(path)
    key = sorted(tensors)[0]
    if change == "missing":
        del tensors[key]
    else:
        tensors[key + "_more"] = torch.zeros(1)
    save_file(tensors, path)
    with pytest.raises(ModelError, match=rf"{path}.*[\s\S]*{key}"):
        LCVDPipeline.from_pretrained(copied)


def test_what_isnt_a_model_is_named(copied: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"nowhere: no such folder"):
        LCVDPipeline.from_pretrained(tmp_path / "nowhere")
    with pytest.raises(ModelError, match=r"model_index\.json: not found"):
        LCVDPipeline.from_pretrained(tmp_path)
    index = copied / "model_index.json"
    config = json.loads(index.read_text())
    index.write_text(json.dumps(config | {"_class_name": "StableVideoDiffusionPipeline"}))
    with pytest.raises(ModelError, match="_class_name is 'StableVideoDiffusionPipeline', expected 'LCVDPipeline'"):
        LCVDPipeline.from_pretrained(copied)
    index.write_text(json.dumps({key: value for key, value in config.items() if key != "overlap"}))
    with pytest.raises(ModelError, match="lacks overlap"):
        LCVDPipeline.from_pretrained(copied)
    index.write_text(json.dumps(config))
    (copied / "unet" / "diffusion_pytorch_model.safetensors").unlink()
    with pytest.raises(ModelError, match="the model folder is incomplete"):
        LCVDPipeline.from_pretrained(copied)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_spoilt_weight_is_named(copied: Path, value: float) -> None:
    path = copied / "unet" / "diffusion_pytorch_model.safetensors"
    tensors = load_file(path)
    key = sorted(tensors)[7]
    tensors[key].view(-1)[-1] = value
    save_file(tensors, path)
    with pytest.raises(ModelError, match=rf"model\.safetensors: {key} has values that aren't finite"):
        LCVDPipeline.from_pretrained(copied)


def test_a_torn_file_and_another_architecture_are_named(copied: Path) -> None:
    path = copied / "unet" / "diffusion_pytorch_model.safetensors"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelError, match="truncated or not a safetensors file"):
        LCVDPipeline.from_pretrained(copied)
    path.write_bytes((copied / "vae" / path.name).read_bytes())
    with pytest.raises(ModelError, match=r"missing \(conv_in\.\w+, .*more\); .*unexpected \(decoder"):
        LCVDPipeline.from_pretrained(copied)


def test_a_float16_variant_is_read_in_the_precision_asked_for(copied: Path) -> None:
    path = copied / "unet" / "diffusion_pytorch_model.safetensors"
    save_file({key: tensor.half() for key, tensor in load_file(path).items()}, path.with_suffix(".fp16.safetensors"))
    path.unlink()
    assert LCVDPipeline.from_pretrained(copied).model.unet.dtype == torch.float32
    assert LCVDPipeline.from_pretrained(copied, torch_dtype=torch.bfloat16).model.unet.dtype == torch.bfloat16


def test_only_safetensors_are_written(saved: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="written as safetensors"):
        LCVDPipeline.from_pretrained(saved).save_pretrained(tmp_path, safe_serialization=False)
