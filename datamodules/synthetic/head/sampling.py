"""Who there is: people drawn from a seed. Colours are sRGB in 0..1."""

import colorsys

import numpy as np

from datamodules.synthetic.head.chance import any_colour, pick, rgb
from datamodules.synthetic.head.model import head_model
from datamodules.synthetic.head.person import Eyes, Hair, Person, Shape, Skin
from datamodules.synthetic.head.studio import acting, light, outfit, randomised, scene

TONES = (
    np.array(
        [
            (244, 214, 196),
            (234, 196, 172),
            (222, 178, 148),
            (204, 156, 122),
            (176, 126, 92),
            (138, 94, 66),
            (98, 64, 44),
            (66, 42, 30),
        ]
    )
    / 255
)  # from light to dark
HAIR_TONES = {
    "black": (0.10, 0.085, 0.08),
    "dark": (0.17, 0.12, 0.09),
    "brown": (0.29, 0.20, 0.13),
    "light": (0.44, 0.32, 0.20),
    "blond": (0.70, 0.55, 0.35),
    "red": (0.45, 0.21, 0.10),
}
IRISES = (
    ((0.22, 0.13, 0.07), (0.36, 0.21, 0.10)),
    ((0.33, 0.20, 0.09), (0.45, 0.30, 0.12)),
    ((0.38, 0.46, 0.56), (0.50, 0.50, 0.42)),
    ((0.36, 0.45, 0.34), (0.50, 0.42, 0.20)),
    ((0.45, 0.50, 0.55), (0.55, 0.55, 0.50)),
)


def sample_person(seed: int, randomisation: float = 0.0) -> Person:
    """Draws a person; equal arguments give equal people.

    Args:
        seed: not negative.
        randomisation: 0 plausible people in plausible studios, to 1 strongly randomised colours, lights,
            shapes and cameras.

    Raises:
        ValueError: for a negative seed or a randomisation outside [0, 1].
    """
    if seed < 0:
        raise ValueError(f"seed {seed} is negative: allowed are 0 and above")
    if not 0 <= randomisation <= 1:
        raise ValueError(f"randomisation {randomisation} is outside 0..1")
    rng = np.random.default_rng([seed, 11])
    wild = np.random.default_rng([seed, 12])
    shape = _shape(rng, randomisation)
    skin = _skin(rng, shape)
    hair = _hair(rng, shape, skin)
    person = Person(
        seed=seed,
        randomisation=randomisation,
        shape=shape,
        skin=skin,
        hair=hair,
        eyes=_eyes(rng, shape),
        outfit=outfit(rng, shape),
        light=light(rng, randomisation),
        scene=scene(rng, randomisation),
        acting=acting(rng),
    )
    return randomised(person, wild, randomisation) if randomisation > 0 else person


def _shape(rng: np.random.Generator, wild: float) -> Shape:
    ancestry = rng.dirichlet((0.35, 0.35, 0.35))
    gender = float(np.clip(rng.choice([0.0, 1.0]) + rng.normal(0, 0.07), 0, 1))
    age = float(np.clip(rng.beta(1.1, 1.9) * 0.9, 0, 1))
    names = list(head_model().local)
    chosen = rng.choice(len(names), 60, replace=False)
    spread = 0.14 + 0.10 * wild
    big = {
        "eye-scale-decr-incr",
        "head-age-decr-incr",
        "neck-double-decr-incr",
        "mouth-trans-in-out",
        "nose-trans-in-out",
        "head-trans-in-out",
    }
    local = []
    for index in sorted(chosen):
        name = names[index]
        alone = not name.endswith(("decr-incr", "down-up", "in-out", "backward-forward", "concave-convex"))
        amount = float(np.clip(rng.normal(0, spread), -0.7, 0.7))
        if name in big or name.startswith("head-trans") or name.startswith("neck-trans"):
            amount *= 0.25
        if name.startswith("mouth"):
            amount *= 0.7
        if name == "mouth-angles-down-up":
            continue
        local.append((name, 0.5 * abs(amount) if alone else amount))
    local.append(("mouth-angles-down-up", float(rng.normal(0.25, 0.12))))
    local.append(("eye-scale-decr-incr", float(rng.normal(0.25, 0.15))))
    return Shape(
        african=float(ancestry[0]),
        asian=float(ancestry[1]),
        caucasian=float(ancestry[2]),
        gender=gender,
        age=age,
        weight=float(np.clip(rng.normal(-0.05, 0.4), -0.9, 0.9)),
        muscle=float(np.clip(rng.normal(0, 0.3), -0.8, 0.8)),
        local=tuple(local),
        asymmetry=float(np.clip(rng.normal(0, 0.25), -0.5, 0.5)),
        scale=float(rng.uniform(0.94, 1.06)),
    )


def _skin(rng: np.random.Generator, shape: Shape) -> Skin:
    place = (
        0.6
        + 1.3 * rng.random() * shape.caucasian
        + shape.asian * rng.uniform(0.4, 2.6)
        + shape.african * rng.uniform(3.6, 6.3)
    )
    place = float(np.clip(place, 0, 6.99))
    low, share = int(place), place - int(place)
    tone = TONES[low] * (1 - share) + TONES[low + 1] * share
    tone = tone * (1 + rng.normal(0, 0.02, 3))
    female = shape.gender < 0.5
    make_up = float(rng.uniform(0.2, 1)) if female and rng.random() < 0.55 else 0.0
    light = float(tone.mean())
    lip = tone * np.array([0.90, 0.62, 0.62]) + np.array([0.03, 0.0, 0.015])
    painted = np.array(
        colorsys.hsv_to_rgb(rng.uniform(0.94, 1.02) % 1, rng.uniform(0.45, 0.8), rng.uniform(0.4, 0.75))
    )
    lip = lip + (painted - lip) * 0.75 * make_up
    return Skin(
        tone=rgb(tone),
        lip=rgb(lip),
        blush=float(rng.uniform(0.1, 0.9)),
        freckles=float(rng.uniform(0.3, 1)) if light > 0.6 and rng.random() < 0.2 else 0.0,
        mottling=float(rng.uniform(0.15, 0.6) + 0.3 * shape.age),
        pores=float(rng.uniform(0.4, 0.9) + 0.4 * (not female)),
        moles=int(rng.poisson(1.2)),
        gloss=float(rng.uniform(0.15, 0.9)),
        wrinkles=float(np.clip(shape.age * 1.25 + rng.normal(0, 0.1), 0.02, 1)),
        under_eye=float(rng.uniform(0.1, 0.7) + 0.3 * shape.age),
        stubble=0.0 if female else float(rng.choice([0.05, 0.2, 0.35, 0.5], p=[0.3, 0.3, 0.25, 0.15])),
        make_up=make_up,
        shadow=rgb(tone * np.array([0.6, 0.5, 0.55]) if rng.random() < 0.7 else np.array(any_colour(rng))),
    )


def _hair(rng: np.random.Generator, shape: Shape, skin: Skin) -> Hair:
    female = shape.gender < 0.5
    if female:
        names = ("crop", "side", "curls", "afro", "bob", "bangs", "long", "waves", "tied")
        style = pick(rng, names, (0.5, 0.6, 0.9, 1.6 * shape.african, 1.6, 1.2, 2, 2, 1.8))
    else:
        names = ("bald", "shaved", "balding", "crop", "side", "swept", "curls", "afro", "waves")
        style = pick(rng, names, (0.5, 0.8, 0.2 + 1.5 * shape.age, 2, 2.2, 1.5, 1, 1.0 * shape.african, 0.25))
    dark = shape.african + shape.asian
    tone_name = pick(
        rng,
        tuple(HAIR_TONES),
        (
            0.6 + 4 * dark,
            1.2 + 1.5 * dark,
            1.6 * (1.1 - dark),
            1.2 * (1 - dark),
            1.1 * (1 - dark),
            0.4 * (1 - dark),
        ),
    )
    tone = np.array(HAIR_TONES[tone_name]) * rng.uniform(0.8, 1.2)
    grey = float(np.clip((shape.age - 0.4) * 2.2 + rng.normal(0, 0.15), 0, 1)) if shape.age > 0.35 else 0.0
    base = tone + (np.array([0.6, 0.59, 0.58]) - tone) * grey * 0.7
    beard = (
        "none"
        if female
        else pick(rng, ("none", "moustache", "goatee", "chin", "full"), (5, 0.5, 0.8, 0.3, 1.8))
    )
    return Hair(
        style=style,
        tone=rgb(base),
        grey=grey * 0.6,
        volume=float(rng.uniform(0.75, 1.35)),
        length=float(rng.uniform(0.75, 1.25)),
        curl=float(max(0, rng.normal(0.1, 0.25)) + 0.5 * shape.african * rng.random()),
        parting=float(rng.uniform(-1, 1)),
        hairline=float(np.clip(rng.normal(0.05 if female else 0.15 + 0.4 * shape.age, 0.12), -0.15, 0.7)),
        gloss=float(rng.uniform(0.3, 1.0)),
        brow=rgb(base * 0.8 if grey < 0.5 else base),
        brow_thickness=float(rng.uniform(0.75, 1.2) if female else rng.uniform(0.95, 1.6)),
        brow_height=float(rng.normal(0.0, 0.012)),
        brow_density=float(rng.uniform(0.65, 1.0)),
        lashes=float(rng.uniform(0.6, 1) if female else rng.uniform(0.1, 0.6)),
        beard=beard,
        beard_tone=rgb(base * rng.uniform(0.8, 1.1)),
    )


def _eyes(rng: np.random.Generator, shape: Shape) -> Eyes:
    dark = shape.african + shape.asian
    index = int(
        rng.choice(
            5,
            p=np.array([1 + 3 * dark, 1.0, *(3 * [0.9 * max(0.0, 0.9 - dark)])])
            / (2 + 3 * dark + 2.7 * max(0.0, 0.9 - dark)),
        )
    )
    iris, ring = IRISES[index]
    white = np.array([0.90, 0.88, 0.86]) - 0.05 * rng.random() * np.array([0.5, 1, 1.3])
    return Eyes(
        iris=rgb(np.array(iris) * rng.uniform(0.8, 1.2)),
        iris_ring=rgb(np.array(ring) * rng.uniform(0.8, 1.2)),
        white=rgb(white),
        pupil=float(rng.uniform(0.15, 0.26)),
        teeth=rgb(np.array([0.92, 0.89, 0.82]) * rng.uniform(0.88, 1.0)),
    )
