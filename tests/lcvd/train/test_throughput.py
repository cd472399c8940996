from pathlib import Path

from lcvd.train.throughput import Curve


def test_a_resumed_curve_has_the_same_bytes(tmp_path: Path) -> None:
    def points(folder: Path) -> dict[str, bytes]:
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    values = [{"step": 10 * i, "loss": 1 / i, "lr": 0.1} for i in (1, 2, 3, 4)]
    whole, resumed = Curve(tmp_path / "a", []), Curve(tmp_path / "b", [])
    for point in values:
        whole.add(**point)
    for point in values[:3]:
        resumed.add(**point)
    resumed = Curve(tmp_path / "b", values[:2])
    for point in values[2:]:
        resumed.add(**point)
    whole.end()
    resumed.end()
    assert points(tmp_path / "a") == points(tmp_path / "b")
    assert "plots/metrics/train/loss.tsv" in points(tmp_path / "a")
