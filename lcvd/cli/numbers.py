"""``lcvd numbers``: throughput of each stage on this machine, and a projection for a given number of clips."""

from pathlib import Path

import click

from lcvd.cli.options import SCRATCH
from lcvd.ledger.numbers import Work, measured, plan, summary


@click.command()
@SCRATCH
@click.option("--clips", type=click.IntRange(1), help="Project hours and cost for this number of clips.")
@click.option(
    "--machines", default=1, show_default=True, type=click.IntRange(1), help="Number of machines like the one measured."
)
@click.option("--workers", default=0, type=click.IntRange(0), help="Workers on each machine (0: as measured).")
@click.option("--price", default=0.0, type=click.FloatRange(0), help="Price of one machine hour, in any currency.")
@click.option("--longer", default=1.0, type=click.FloatRange(0, min_open=True),
              help="Average clip length relative to the measured clips (2 = twice as many frames).")  # fmt: skip
def numbers(scratch: Path, clips: int | None, machines: int, workers: int, price: float, longer: float) -> None:
    """Show the throughput of the last run of each stage; with --clips, project hours and cost."""
    works = measured(scratch)
    if not works:
        raise click.ClickException(f"{scratch}: no measurements yet; run `lcvd run`, or set --scratch")
    for work in works:
        _show(work)
    if clips is None:
        return
    mapped = [work for work in works if work.name not in _BY_STEPS]
    click.echo(f"\n{clips} clips on {machines} machine{'s' * (machines > 1)}, {longer:g} times as long as measured:")
    planned = plan(mapped, clips, machines, price, longer, workers)
    rows = [(each.name, each.hours, each.machine_hours) for each in planned]
    total = ("total", sum(each.hours for each in planned), sum(each.machine_hours for each in planned))
    for name, hours, machine_hours in [*rows, total]:
        cost = f"   costs {machine_hours * price:,.2f}" if price else ""
        click.echo(f"  {name:12} {hours:10.2f} h   {machine_hours:10.2f} machine hours{cost}")
    for work in works:
        if work.name in _BY_STEPS:
            click.echo(f"  {work.name}: independent of the number of clips: {work.wall_s / 3600:.2f} h as measured")


_BY_STEPS = ("train", "evaluate")


def _show(work: Work) -> None:
    threads = f" of {work.threads} thread{'s' * (work.threads > 1)}" if work.threads else ""
    click.echo(f"{work.name}: {summary(work, parts=99)}")
    click.echo(f"  {work.wall_s:.1f} s, {work.kind}, {work.workers} worker{'s' * (work.workers > 1)}{threads}, on {work.machine}, "
               f"ended {work.ended}")  # fmt: skip
    click.echo(f"  {work.seconds_a_clip:.3g} worker seconds per clip")
