"""Latents prepared once: what the frozen networks say, through the cache."""

from pathlib import Path

import numpy as np
import pytest
import torch

from lcvd.cache.store import Cache
from lcvd.config.settings import Settings
from lcvd.ledger.rows import Row, failed, kept
from lcvd.model.fingerprint import configuration, prepared_key
from lcvd.model.lcvd import LCVD
from lcvd.model.precompute_latents import _networks, prepare, prepare_chunk
from lcvd.shard.latents_format import Origin, read_header
from lcvd.shard.sample import LATENTS
from lcvd.shard.stage import CACHED, KIND, load_sample, pack_samples
from tests.lcvd.train.conftest import SIZE, make_sample, tiny

FRAMES = 19  # more than one window of the encoder, and not a multiple


def settings() -> Settings:
    found = tiny()
    return found.model_copy(update={"shard": found.shard.model_copy(update={"size": SIZE})})


@pytest.fixture
def row(tmp_path: Path) -> Row:
    """A kept row as `shard_chunk` gives it, its sample in the cache of `tmp_path`."""
    made = make_sample(tmp_path / "made", "disc-a", FRAMES)

    def fill(folder: Path) -> None:
        for name in CACHED:
            (folder / name).write_bytes(made.parts[name])

    Cache(tmp_path / "cache").entry(KIND, "0" * 64, fill)
    meta = made.meta
    return kept(
        "disc-a", identity="anna", frames=FRAMES, size=SIZE, fps=meta.fps, licence="CC0", address="test:disc", dataset="",
        sha256=meta.sha256, start=0, bytes=1, key="0" * 64,
    )  # fmt: skip


@torch.no_grad()
def test_rows_are_what_the_networks_say_of_each_frame(tmp_path: Path) -> None:
    sample = make_sample(tmp_path, "disc-a", FRAMES)
    model = LCVD.fresh(tiny().train.model, 0)
    found = prepare(sample, model.codec, model.image_encoder, SIZE)
    frames = torch.from_numpy(sample.frames()).permute(0, 3, 1, 2) / 127.5 - 1
    for at in (0, 15, 16, FRAMES - 1):
        says = model.codec.autoencoder.encode(frames[at : at + 1]).latent_dist
        for rows, exact in (
            (found.mean, says.mean),
            (found.std, says.std),
            (found.token, model.token(frames[at : at + 1])[0]),
        ):
            np.testing.assert_allclose(rows[at], exact[0].numpy(), rtol=1e-3, atol=1e-4)
    np.testing.assert_array_equal(found.mask, sample.masks()[:, ::8, ::8] // 255)
    assert found.mean.dtype == found.std.dtype == found.token.dtype == np.float16


def test_from_the_cache_into_shards(row: Row, tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    broken = failed("broken", "no_face", "nothing")
    rows = prepare_chunk([broken, row], cache, settings())
    assert rows[0] == broken
    assert rows[1].status == "kept", rows[1]
    sample = load_sample(rows[1], "train", cache)
    assert rows[1].fields["bytes"] == 1 + len(sample.parts[LATENTS])
    path = tmp_path / "part"
    path.write_bytes(sample.parts[LATENTS])
    model = LCVD.fresh(settings().train.model, 0)
    key = prepared_key(model.codec, model.image_encoder, SIZE)
    read_header(path, (0, path.stat().st_size)).check(key, Origin.of(sample.meta, sample.codes.square))
    packed = pack_samples(rows, cache, tmp_path / "out", settings().shard)
    assert not {"key", "latents"} & set(packed[1].fields)
    assert LATENTS not in load_sample(row, "train", cache).parts


def test_prepared_once(row: Row, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = Cache(tmp_path / "cache")
    first = prepare_chunk([row], cache, settings())
    monkeypatch.setattr("lcvd.model.precompute_latents.prepare", lambda *_: pytest.fail("made again"))
    assert prepare_chunk([row], cache, settings()) == first


def test_other_weights_are_another_entry(row: Row, tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    one, other = (prepare_chunk([row], cache, settings().model_copy(update={"seed": seed}))[0] for seed in (0, 1))
    assert one.fields["latents"] != other.fields["latents"]


def test_another_configuration_is_another_entry(row: Row, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Equal weights under another configuration, such as another activation function, give other latents."""
    found, cache = settings(), Cache(tmp_path / "cache")
    model = found.train.model
    # the ones that prepare_chunk finds too
    codec, encoder, _ = _networks(model.start, model.latents, model.image_encoder, model.size, found.seed)
    [before] = prepare_chunk([row], cache, found)
    monkeypatch.setattr(encoder.config, "hidden_act", "relu")
    [after] = prepare_chunk([row], cache, found)
    assert before.fields["latents"] != after.fields["latents"]
    assert configuration(codec.autoencoder)["act_fn"] == "silu"
    assert not [name for name in configuration(codec.autoencoder) if name.startswith("_")]


def test_a_model_larger_than_the_shards_is_refused(row: Row, tmp_path: Path) -> None:
    small = settings().model_copy(update={"shard": settings().shard.model_copy(update={"size": 32})})
    with pytest.raises(ValueError, match=r"shard\.size is 32, below train\.model\.size \(64\)"):
        prepare_chunk([row], Cache(tmp_path / "cache"), small)


def test_latents_that_are_no_numbers_fail_their_clip(row: Row, tmp_path: Path) -> None:
    found = settings()
    model = found.train.model
    # the ones that prepare_chunk finds too
    codec, *_ = _networks(model.start, model.latents, model.image_encoder, model.size, found.seed)
    last = codec.autoencoder.encoder.conv_out
    before = last.weight.data.clone()
    last.weight.data *= 1e38
    try:
        [made] = prepare_chunk([row], Cache(tmp_path / "cache"), found)
    finally:
        last.weight.data = before
    assert (made.status, made.reason) == ("failed", "not_prepared")
    assert "has values that aren't finite" in made.detail
