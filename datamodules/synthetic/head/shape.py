"""A person's head at rest: the template under phenotype and local shapes. V vertex."""

import numpy as np
from numpy.typing import NDArray

from datamodules.synthetic.head.model import HeadModel, head_model
from datamodules.synthetic.head.person import Shape

Floats = NDArray[np.floating]

PIVOT = (0.0, -0.80, -0.10)  # where the head turns on the neck, decimetres
LIPS_MEET = ((0.0, -0.592, 0.953), (0.0, -0.599, 0.940))  # lowest of the upper lip, highest of the lower
LIPS_APART = 0.002


def phenotype_weights(shape: Shape) -> dict[str, float]:
    """How much of each phenotype shape this person has: products of ancestry, gender, age, weight and muscle.

    The same products as MakeHuman's own; average weight and muscle are what the extremes leave.
    """
    weights = {}
    heavy, thin = max(shape.weight, 0.0), max(-shape.weight, 0.0)
    strong, slack = max(shape.muscle, 0.0), max(-shape.muscle, 0.0)
    for gender, of_gender in (("female", 1 - shape.gender), ("male", shape.gender)):
        for age, of_age in (("young", 1 - shape.age), ("old", shape.age)):
            share = of_gender * of_age
            for ancestry in ("african", "asian", "caucasian"):
                weights[f"{ancestry}-{gender}-{age}"] = share * getattr(shape, ancestry)
            base = f"universal-{gender}-{age}"
            weights[f"{base}-averagemuscle-maxweight"] = share * heavy
            weights[f"{base}-averagemuscle-minweight"] = share * thin
            weights[f"{base}-maxmuscle-averageweight"] = share * strong
            weights[f"{base}-minmuscle-averageweight"] = share * slack
            weights[f"{base}-averagemuscle-averageweight"] = share * (1 - heavy - thin - strong - slack)
    return weights


def rest_vertices(shape: Shape) -> Floats:
    """Vertices (V, 3) of the person's neutral head, the middle of the eyes where the template has it."""
    model = head_model()
    points = model.template.copy()
    for name, weight in phenotype_weights(shape).items():
        if weight:
            points += np.float32(weight) * model.phenotypes[name]
    if shape.local:
        side = 1 + np.float32(shape.asymmetry) * np.tanh(model.template[:, :1] / 0.2)
        points += side * sum(np.float32(amount) * model.local[name] for name, amount in shape.local)
    _close_lips(model, points)
    eyes = eye_centres(model, model.template).mean(0)
    return ((points - eye_centres(model, points).mean(0)) * shape.scale + eyes).astype(np.float32)


def _close_lips(model: HeadModel, points: Floats) -> None:
    """Shapes of the mouth part the lips a little: brings them together again, most in the middle."""
    x, y, z = model.template.T
    upper, lower = (
        int(np.linalg.norm(model.template - np.array(place, np.float32), axis=1).argmin())
        for place in LIPS_MEET
    )
    gap = max(float(points[upper, 1] - points[lower, 1]) - LIPS_APART, 0.0)
    near = np.exp(-(((y - LIPS_MEET[0][1]) / 0.09) ** 2)) * np.clip(1 - (x / 0.27) ** 2, 0, 1) * (z > 0.80)
    points[:, 1] += gap * near * np.where(y > LIPS_MEET[0][1] - 0.004, -0.5, 0.5)


def eye_centres(model: HeadModel, points: Floats) -> Floats:
    """Centres (2, 3) of the left and right eyeball."""
    return np.stack([points[model.vertices_of(name)].mean(0) for name in ("eye_left", "eye_right")])


def head_share(model: HeadModel) -> Floats:
    """How far each vertex (V,) follows the head's turn: 1 on the head, falling to 0 down the neck."""
    height = model.template[:, 1] + 0.45 * model.template[:, 2]
    t = np.clip((height + 1.25) / 0.5, 0, 1)
    share = t * t * (3 - 2 * t)
    inside = np.isin(np.arange(len(share)), np.unique(model.triangles[model.regions > 0]))
    return np.where(inside, 1, share).astype(np.float32)
