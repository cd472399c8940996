"""PSNR(studio): PSNR of relit studio clips, whose true relit video can be rendered."""

from lcvd.metrics.base import Metric

PSNR = Metric(
    name="PSNR(studio)",
    direction="higher",
    meaning="PSNR in decibels between the output and the true relit video, over the pixels of the portrait. Only clips of the "
    "portrait studio have a true relit video.",
    packages=("lcvd", "numpy"),
)
