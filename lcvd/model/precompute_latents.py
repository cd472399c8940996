"""Precompute latents: run the frozen networks once per clip instead of in every training step (spec I).

Stage ``shard`` calls it after it has made the samples; `lcvd.shard.latents_format` describes the stored format.
"""

from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lcvd.cache.imports import code_key
from lcvd.cache.store import Cache, key_of
from lcvd.config.settings import Settings
from lcvd.config.train import ImageEncoderSettings, LatentSettings
from lcvd.device import default_device
from lcvd.errors import FileError, UsageError
from lcvd.ledger.rows import ClipError, Row, guard
from lcvd.ledger.tally import timed
from lcvd.model import init_weights
from lcvd.model.fingerprint import configuration, prepared_key
from lcvd.model.hf_classes import CLIPVisionModelWithProjection
from lcvd.model.image_token import image_token
from lcvd.model.latents import LatentCodec
from lcvd.model.masks import latent_mask
from lcvd.model.objective import to_signed
from lcvd.shard.latents_format import KIND, Key, Origin, Prepared
from lcvd.shard.resize import frames_at, masks_at
from lcvd.shard.sample import LATENTS, Sample
from lcvd.shard.stage import load_sample

WINDOW = 16


def prepare_chunk(rows: Sequence[Row], cache: Cache, settings: Settings) -> list[Row]:
    """Precompute the latents of kept samples. Returns one row per sample; kept rows hold the cache key of their latents.

    Raises:
        UsageError: stored frames are smaller than the model's.
        MissingWeights: the autoencoder of the settings isn't installed.
    """
    if settings.shard.size < settings.train.model.size:
        raise UsageError(
            f"shard.size is {settings.shard.size}, below train.model.size ({settings.train.model.size}): raise the one, "
            "or lower the other"
        )
    with timed("load"):
        networks = _networks(
            settings.train.model.start,
            settings.train.model.latents,
            settings.train.model.image_encoder,
            settings.train.model.size,
            settings.seed,
        )
    return [
        guard(row.id, partial(_prepare_row, row, cache, *networks), cache.journal) if row.status == "kept" else row
        for row in rows
    ]


@torch.inference_mode()
def prepare(sample: Sample, codec: LatentCodec, encoder: CLIPVisionModelWithProjection, size: int) -> Prepared:
    """Precomputed latents of all frames of a sample at `size` px; the networks' device is used."""
    device = next(encoder.parameters()).device
    windows: list[tuple[Tensor, ...]] = []
    for start in range(0, sample.meta.frames, WINDOW):
        at = range(start, min(start + WINDOW, sample.meta.frames))
        images = to_signed(torch.from_numpy(frames_at(sample, size, at)).to(device))
        mask = latent_mask(torch.from_numpy(masks_at(sample, size, at)))[:, 0]
        with timed("autoencoder"):
            latents = [each.cpu() for each in codec.posterior(images)]
        with timed("image encoder"):
            tokens = image_token(encoder, images)[:, 0].cpu()
        windows.append((*latents, tokens, mask))
    *networks_outputs, mask = (torch.cat(part) for part in zip(*windows, strict=True))
    mean, std, token = (part.half().numpy() for part in networks_outputs)
    return Prepared(mean, std, token, mask.numpy().astype(np.uint8))


def _prepare_row(row: Row, cache: Cache, codec: LatentCodec, encoder: CLIPVisionModelWithProjection, key: Key) -> Row:
    def make(folder: Path) -> None:
        sample = load_sample(row, "train", cache)
        try:
            data = prepare(sample, codec, encoder, key.size).to_bytes(key, Origin.of(sample.meta, sample.codes.square))
        except FileError as error:
            raise ClipError("not_prepared", str(error)) from None
        (folder / LATENTS).write_bytes(data)

    # With the weights' hashes in `key`, these describe the networks, so the code's key has no assets.
    networks = [configuration(codec.autoencoder), configuration(encoder)]
    entry = key_of(sample=row.fields["key"], by=asdict(key), networks=networks, code=code_key(__name__, assets=False))
    size = (cache.entry(KIND, entry, make) / LATENTS).stat().st_size
    return replace(row, fields={**row.fields, "latents": entry, "bytes": int(row.fields["bytes"]) + size})


@lru_cache(maxsize=1)
def _networks(
    start: str, latents: LatentSettings, vision: ImageEncoderSettings, size: int, seed: int
) -> tuple[LatentCodec, CLIPVisionModelWithProjection, Key]:
    """The frozen networks of the settings, loaded once per process, on the GPU if there is one."""
    codec, encoder = init_weights.codec(start, latents), init_weights.image_encoder(start, vision, seed)
    key = prepared_key(codec, encoder, size)
    device = default_device()
    return codec.to(device), encoder.to(device), key
