"""Finds where MediaPipe's 478 points lie on the head, by asking MediaPipe about renderings.

`python -m datamodules.synthetic.head.source.fit_landmarks --model FACE_LANDMARKER [--people N] [--out FILE]`:
for each point, the surface it is seen on in each rendering, in the template's coordinates; the median over
people and faces, put back on the nearest triangle. The table of numbers is what ships; the network does not.
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datamodules.synthetic.head.acting.random_faces import random_actions
from datamodules.synthetic.head.model import REGIONS, head_model
from datamodules.synthetic.head.render.raster import interpolate
from datamodules.synthetic.head.renderer import Stage
from datamodules.synthetic.head.sampling import sample_person
from datamodules.synthetic.head.truth import LANDMARK_FILE

Floats = NDArray[np.floating]

SIZE, POINTS, IRIS = 384, 478, 468
FACES = 3  # of each person: neutral, and with random actions


def observe(model: Path, people: int) -> Floats:
    """Template coordinates (M, 478, 3) of each point in M renderings, nan where it meets no head."""
    import mediapipe as mp

    from datamodules.faces.landmarker import open_landmarker

    finder = open_landmarker(model, 1, 0.5)
    head = head_model()
    seen = []
    for seed in range(people):
        person = sample_person(500_000 + seed)
        if person.outfit.glasses != "none":
            continue
        stage = Stage(person, SIZE)
        rng = np.random.default_rng(seed)
        actions = random_actions(rng, FACES) * 0.6
        actions[0] = 0
        pose = np.zeros((FACES, 6), np.float32)
        pose[:, :2] = rng.normal(0, 0.08, (FACES, 2))
        picture = np.empty((3, SIZE, SIZE), np.uint8)
        for row, geometry in enumerate(stage.place(actions, pose)):
            stage.draw(geometry, actions[row], pose[row], picture)
            image = np.ascontiguousarray(picture.transpose(1, 2, 0))
            result = finder.detect(mp.Image(image_format=mp.ImageFormat.SRGB, data=image))
            if not result.face_landmarks:
                continue
            table = np.full((len(stage.figure.rest), 3), np.nan, np.float32)
            table[: stage.figure.own] = head.template
            where = np.full((SIZE, SIZE, 3), np.nan, np.float32)
            interpolate(stage.owner, geometry.screen, stage.figure.triangles, table, 2, where)
            places = np.array([[p.x, p.y] for p in result.face_landmarks[0]]) * SIZE - 0.5
            seen.append(_between(where, places))
    finder.close()
    return np.stack(seen)


def _between(where: Floats, places: NDArray) -> Floats:
    """Values of a map (S, S, 3) at places (K, 2), linear between pixels; nan beside what has none."""
    x, y = places[:, 0].clip(0, where.shape[1] - 1.001), places[:, 1].clip(0, where.shape[0] - 1.001)
    j, i = x.astype(int), y.astype(int)
    fx, fy = (x - j)[:, None], (y - i)[:, None]
    top = where[i, j] * (1 - fx) + where[i, j + 1] * fx
    return top * (1 - fy) + (where[i + 1, j] * (1 - fx) + where[i + 1, j + 1] * fx) * fy


def place_on_mesh(targets: Floats) -> tuple[NDArray[np.int32], Floats]:
    """The nearest triangle (K,) of skin, or of an eye for the iris, and weights (K, 3) of its corners."""
    head = head_model()
    skin = np.flatnonzero(head.regions == 0)
    eyes = np.flatnonzero(np.isin(head.regions, [REGIONS.index("eye_left"), REGIONS.index("eye_right")]))
    triangles, weights = [], []
    for k, target in enumerate(targets):
        allowed = skin if k < IRIS else eyes
        corners = head.template[head.triangles[allowed]]
        near = np.argsort(np.linalg.norm(corners.mean(1) - target, axis=1))[:24]
        options = [_weights(corners[n], target) for n in near]
        errors = [np.linalg.norm(w @ corners[n] - target) for w, n in zip(options, near, strict=True)]
        best = int(np.argmin(errors))
        triangles.append(allowed[near[best]])
        weights.append(options[best])
    return np.array(triangles, np.int32), np.array(weights, np.float32)


def _weights(corners: Floats, target: Floats) -> Floats:
    """Weights of the point of a triangle that is nearest to the target, roughly: projected, then clipped."""
    a, b, c = corners
    basis = np.stack([b - a, c - a], 1)
    s, t = np.linalg.lstsq(basis, target - a, rcond=None)[0]
    w = np.clip([1 - s - t, s, t], 0, None)
    return w / w.sum()


def main() -> int:
    """Fits the table and writes it."""
    from safetensors.numpy import save_file

    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--model", type=Path, required=True, help="MediaPipe's face_landmarker file")
    parser.add_argument("--people", type=int, default=40)
    parser.add_argument("--out", type=Path, default=LANDMARK_FILE)
    options = parser.parse_args()
    targets = np.nanmedian(observe(options.model, options.people), 0)
    triangles, weights = place_on_mesh(targets)
    save_file({"triangles": triangles, "weights": weights}, options.out)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
