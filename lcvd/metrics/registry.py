"""All metrics by name, and the scores of a video.

To add a metric, write a file that declares a `Metric` and register it here; or declare it in another package, as an entry
point of the group ``lcvd.metrics`` (docs/metrics.md).
"""

from collections.abc import Iterable

from lcvd.config.evaluate import PUBLISHED_METRICS
from lcvd.metrics import (
    arcface,
    efficientnet,
    fid,
    fvd,
    identity,
    iqa,
    landmarks,
    light_error,
    lpips,
    psnr,
    user_study,
    vq,
)
from lcvd.metrics.base import Metric, Observation, Reference, VideoScores
from lcvd.metrics.frechet import FeatureSet
from lcvd.registry import Registry

METRICS: Registry[Metric] = Registry("metric", PUBLISHED_METRICS.group, Metric)
for _metric in (
    light_error.LE_OPEN,
    light_error.ANGLE,
    identity.ID_SFACE,
    landmarks.POSE_OPEN,
    psnr.PSNR,
    efficientnet.ADJ,
    efficientnet.FD,
    light_error.LE,
    *arcface.METRICS,
    lpips.LPIPS,
    vq.VQ,
    fid.FID,
    fvd.FVD,
    fvd.FVD_ALL,
    landmarks.POSE,
    *user_study.METRICS,
):
    METRICS.register(_metric.name, _metric)
METRICS.register_family("IQ", iqa.iq)


def open_metrics() -> tuple[str, ...]:
    """Names of the metrics that are measured by default, with those of installed packages."""
    return tuple(name for name in METRICS if METRICS.get(name).open)


def ordered(names: Iterable[str]) -> list[str]:
    """`names` in the order of tables: as registered, then installed packages' and families', sorted."""
    known, found = METRICS.names(), set(names)
    return [name for name in known if name in found] + sorted(found - set(known))


def score_video(
    clip: str, light: str, metrics: Iterable[str], observation: Observation, reference: Reference
) -> VideoScores:
    """The scores of one video by those of `metrics` whose observers made its `observation`."""
    observed = _observed(metrics, observation)
    return VideoScores(
        clip,
        light,
        {name: metric.score_of(observation, reference) for name, metric in observed.items() if not metric.features},
        feature_sets(observed, observation),
        len(reference.present),
        {m.series: m.per_frame(observation, reference) for m in observed.values() if m.series and m.per_frame},
    )


def feature_sets(metrics: Iterable[str], observation: Observation) -> dict[str, FeatureSet]:
    """The features in `observation` by metric, for those of `metrics` that compare sets of videos."""
    observed = _observed(metrics, observation)
    return {name: metric.features(observation) for name, metric in observed.items() if metric.features}


def _observed(metrics: Iterable[str], observation: Observation) -> dict[str, Metric]:
    known = {name: METRICS.get(name) for name in metrics}
    return {name: each for name, each in known.items() if each.observer and each.observer.key in observation}
