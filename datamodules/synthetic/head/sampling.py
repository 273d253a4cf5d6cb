"""Who there is: people drawn from a seed. Colours are sRGB in 0..1."""

import colorsys

import numpy as np

from datamodules.facial_actions import FACIAL_ACTIONS
from datamodules.synthetic.head.look.backdrop import BACKDROPS
from datamodules.synthetic.head.look.hair import STYLES
from datamodules.synthetic.head.look.outfit import COLLARS, GLASSES
from datamodules.synthetic.head.model import head_model
from datamodules.synthetic.head.person import RGB, Acting, Eyes, Hair, Light, Outfit, Person, Scene, Shape, Skin

TONES = np.array(
    [(244, 214, 196), (234, 196, 172), (222, 178, 148), (204, 156, 122), (176, 126, 92), (138, 94, 66), (98, 64, 44), (66, 42, 30)]
) / 255  # from light to dark
HAIR_TONES = {
    "black": (0.10, 0.085, 0.08), "dark": (0.17, 0.12, 0.09), "brown": (0.29, 0.20, 0.13), "light": (0.44, 0.32, 0.20),
    "blond": (0.70, 0.55, 0.35), "red": (0.45, 0.21, 0.10),
}  # fmt: skip
IRISES = (
    ((0.22, 0.13, 0.07), (0.36, 0.21, 0.10)), ((0.33, 0.20, 0.09), (0.45, 0.30, 0.12)),
    ((0.38, 0.46, 0.56), (0.50, 0.50, 0.42)), ((0.36, 0.45, 0.34), (0.50, 0.42, 0.20)),
    ((0.45, 0.50, 0.55), (0.55, 0.55, 0.50)),
)  # fmt: skip


def sample_person(seed: int, randomisation: float = 0.0) -> Person:
    """Draws a person; equal arguments give equal people.

    Args:
        seed: not negative.
        randomisation: 0 plausible people in plausible studios, to 1 strongly randomised colours, lights, shapes
            and cameras.

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
        outfit=_outfit(rng, shape),
        light=_light(rng, randomisation),
        scene=_scene(rng, randomisation),
        acting=_acting(rng),
    )
    return _randomised(person, wild, randomisation) if randomisation > 0 else person


def _pick(rng: np.random.Generator, names: tuple[str, ...], weights: tuple[float, ...]) -> str:
    share = np.array(weights) / sum(weights)
    return names[int(rng.choice(len(names), p=share))]


def _rgb(values: np.ndarray) -> RGB:
    red, green, blue = np.clip(values, 0, 1)
    return float(red), float(green), float(blue)


def _any_colour(rng: np.random.Generator, saturation: float = 0.6, low: float = 0.1, high: float = 0.9) -> RGB:
    return colorsys.hsv_to_rgb(rng.random(), saturation * rng.random(), rng.uniform(low, high))


def _shape(rng: np.random.Generator, wild: float) -> Shape:
    ancestry = rng.dirichlet((0.35, 0.35, 0.35))
    gender = float(np.clip(rng.choice([0.0, 1.0]) + rng.normal(0, 0.07), 0, 1))
    age = float(np.clip(rng.beta(1.1, 1.9) * 0.9, 0, 1))
    names = list(head_model().local)
    chosen = rng.choice(len(names), 60, replace=False)
    spread = 0.14 + 0.10 * wild
    big = {"eye-scale-decr-incr", "head-age-decr-incr", "neck-double-decr-incr", "mouth-trans-in-out", "nose-trans-in-out", "head-trans-in-out"}
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
        african=float(ancestry[0]), asian=float(ancestry[1]), caucasian=float(ancestry[2]), gender=gender, age=age,
        weight=float(np.clip(rng.normal(-0.05, 0.4), -0.9, 0.9)), muscle=float(np.clip(rng.normal(0, 0.3), -0.8, 0.8)),
        local=tuple(local), asymmetry=float(np.clip(rng.normal(0, 0.25), -0.5, 0.5)), scale=float(rng.uniform(0.94, 1.06)),
    )  # fmt: skip


def _skin(rng: np.random.Generator, shape: Shape) -> Skin:
    place = 0.6 + 1.3 * rng.random() * shape.caucasian + shape.asian * rng.uniform(0.4, 2.6) + shape.african * rng.uniform(3.6, 6.3)
    place = float(np.clip(place, 0, 6.99))
    low, share = int(place), place - int(place)
    tone = TONES[low] * (1 - share) + TONES[low + 1] * share
    tone = tone * (1 + rng.normal(0, 0.02, 3))
    female = shape.gender < 0.5
    make_up = float(rng.uniform(0.2, 1)) if female and rng.random() < 0.55 else 0.0
    light = float(tone.mean())
    lip = tone * np.array([0.90, 0.62, 0.62]) + np.array([0.03, 0.0, 0.015])
    painted = np.array(colorsys.hsv_to_rgb(rng.uniform(0.94, 1.02) % 1, rng.uniform(0.45, 0.8), rng.uniform(0.4, 0.75)))
    lip = lip + (painted - lip) * 0.75 * make_up
    return Skin(
        tone=_rgb(tone), lip=_rgb(lip), blush=float(rng.uniform(0.1, 0.9)),
        freckles=float(rng.uniform(0.3, 1)) if light > 0.6 and rng.random() < 0.2 else 0.0,
        mottling=float(rng.uniform(0.15, 0.6) + 0.3 * shape.age), pores=float(rng.uniform(0.4, 0.9) + 0.4 * (not female)), moles=int(rng.poisson(1.2)),
        gloss=float(rng.uniform(0.15, 0.9)), wrinkles=float(np.clip(shape.age * 1.25 + rng.normal(0, 0.1), 0.02, 1)),
        under_eye=float(rng.uniform(0.1, 0.7) + 0.3 * shape.age),
        stubble=0.0 if female else float(rng.choice([0.05, 0.2, 0.35, 0.5], p=[0.3, 0.3, 0.25, 0.15])),
        make_up=make_up, shadow=_rgb(tone * np.array([0.6, 0.5, 0.55]) if rng.random() < 0.7 else np.array(_any_colour(rng))),
    )  # fmt: skip


def _hair(rng: np.random.Generator, shape: Shape, skin: Skin) -> Hair:
    female = shape.gender < 0.5
    if female:
        names = ("crop", "side", "curls", "afro", "bob", "bangs", "long", "waves", "tied")
        style = _pick(rng, names, (0.5, 0.6, 0.9, 1.6 * shape.african, 1.6, 1.2, 2, 2, 1.8))
    else:
        names = ("bald", "shaved", "balding", "crop", "side", "swept", "curls", "afro", "waves")
        style = _pick(rng, names, (0.5, 0.8, 0.2 + 1.5 * shape.age, 2, 2.2, 1.5, 1, 1.0 * shape.african, 0.25))
    dark = shape.african + shape.asian
    tone_name = _pick(rng, tuple(HAIR_TONES), (0.6 + 4 * dark, 1.2 + 1.5 * dark, 1.6 * (1.1 - dark), 1.2 * (1 - dark), 1.1 * (1 - dark), 0.4 * (1 - dark)))
    tone = np.array(HAIR_TONES[tone_name]) * rng.uniform(0.8, 1.2)
    grey = float(np.clip((shape.age - 0.4) * 2.2 + rng.normal(0, 0.15), 0, 1)) if shape.age > 0.35 else 0.0
    base = tone + (np.array([0.6, 0.59, 0.58]) - tone) * grey * 0.7
    beard = "none" if female else _pick(rng, ("none", "moustache", "goatee", "chin", "full"), (5, 0.5, 0.8, 0.3, 1.8))
    return Hair(
        style=style, tone=_rgb(base), grey=grey * 0.6, volume=float(rng.uniform(0.75, 1.35)), length=float(rng.uniform(0.75, 1.25)),
        curl=float(max(0, rng.normal(0.1, 0.25)) + 0.5 * shape.african * rng.random()), parting=float(rng.uniform(-1, 1)),
        hairline=float(np.clip(rng.normal(0.05 if female else 0.15 + 0.4 * shape.age, 0.12), -0.15, 0.7)),
        gloss=float(rng.uniform(0.3, 1.0)), brow=_rgb(base * 0.8 if grey < 0.5 else base),
        brow_thickness=float(rng.uniform(0.75, 1.2) if female else rng.uniform(0.95, 1.6)),
        brow_height=float(rng.normal(0.0, 0.012)), brow_density=float(rng.uniform(0.65, 1.0)),
        lashes=float(rng.uniform(0.6, 1) if female else rng.uniform(0.1, 0.6)), beard=beard, beard_tone=_rgb(base * rng.uniform(0.8, 1.1)),
    )  # fmt: skip


def _eyes(rng: np.random.Generator, shape: Shape) -> Eyes:
    dark = shape.african + shape.asian
    index = int(rng.choice(5, p=np.array([1 + 3 * dark, 1.0, *(3 * [0.9 * max(0.0, 0.9 - dark)])]) / (2 + 3 * dark + 2.7 * max(0.0, 0.9 - dark))))
    iris, ring = IRISES[index]
    white = np.array([0.90, 0.88, 0.86]) - 0.05 * rng.random() * np.array([0.5, 1, 1.3])
    return Eyes(
        iris=_rgb(np.array(iris) * rng.uniform(0.8, 1.2)), iris_ring=_rgb(np.array(ring) * rng.uniform(0.8, 1.2)),
        white=_rgb(white), pupil=float(rng.uniform(0.15, 0.26)), teeth=_rgb(np.array([0.92, 0.89, 0.82]) * rng.uniform(0.88, 1.0)),
    )  # fmt: skip


def _outfit(rng: np.random.Generator, shape: Shape) -> Outfit:
    cloth = np.array(_any_colour(rng, 0.7, 0.06, 0.95))
    trim = cloth * rng.uniform(0.75, 1.1) if rng.random() < 0.7 else np.array(_any_colour(rng))
    return Outfit(
        collar=_pick(rng, COLLARS, (3, 1.5, 1.5, 1, 1, 1.5 if shape.gender < 0.5 else 0.1)), cloth=_rgb(cloth), trim=_rgb(trim),
        pattern=float(rng.uniform(0.2, 0.8)) if rng.random() < 0.2 else 0.0,
        glasses=_pick(rng, GLASSES, (7, 0.6, 0.8, 0.8, 0.4)), frame=_any_colour(rng, 0.5, 0.03, 0.4),
    )  # fmt: skip


def _light(rng: np.random.Generator, wild: float) -> Light:
    strength = rng.uniform(0.95, 1.15)
    warm = rng.normal(0, 0.04 + 0.10 * wild)
    key = np.array([1 + warm, 1.0, 1 - warm]) * strength
    fill = rng.uniform(0.25, 0.55) * np.array([1 - 0.5 * warm, 1, 1 + 0.5 * warm])
    side = float(rng.normal(0, 32))
    return Light(
        side=side, height=float(rng.uniform(12, 52)), softness=float(rng.uniform(0.15, 0.6)), key=tuple(key), fill=tuple(fill),
        rim=tuple(rng.uniform(0.0, 0.6) * np.ones(3)), fill_side=float(-np.sign(side) * rng.uniform(35, 75)),
        sky=tuple(rng.uniform(0.50, 0.72) * np.array([1 - 0.3 * warm, 1, 1 + 0.3 * warm])),
        ground=tuple(rng.uniform(0.30, 0.45) * np.array([1.05, 1, 0.95])),
    )  # fmt: skip


def _scene(rng: np.random.Generator, wild: float) -> Scene:
    return Scene(
        backdrop=_pick(rng, BACKDROPS, (2.5, 1.5, 1.5, 0.8, 0.8, 0.8)),
        colours=(_any_colour(rng, 0.45, 0.1, 0.85), _any_colour(rng, 0.45, 0.1, 0.85), _any_colour(rng, 0.6, 0.3, 1.0)),
        distance=float(rng.uniform(8, 16)), framing=float(rng.uniform(0.94, 1.06)),
        shift=(float(rng.normal(0, 0.01)), float(rng.normal(0, 0.012))), exposure=float(rng.uniform(0.85, 1.2)),
        contrast=float(rng.uniform(0.95, 1.12)), warmth=0.0, soft=float(rng.uniform(-0.04, 0.08)),
        noise=float(rng.uniform(0.3, 2.0) + 3 * wild * rng.random()),
    )  # fmt: skip


def _acting(rng: np.random.Generator) -> Acting:
    both = dict.fromkeys((name.removesuffix("Left").removesuffix("Right") for name in FACIAL_ACTIONS), 1.0)
    both = {name: float(rng.lognormal(0, 0.12)) for name in both}
    tilt = float(rng.normal(0, 0.07))
    gains = []
    for name in FACIAL_ACTIONS:
        side = 1 if name.endswith("Left") else -1 if name.endswith("Right") else 0
        gain = both[name.removesuffix("Left").removesuffix("Right")]
        gains.append(float(np.clip(gain * (1 + side * (tilt + rng.normal(0, 0.05))), 0.6, 1.35)))
    return Acting(gains=tuple(gains), blink_rate=float(rng.uniform(0.15, 0.5)), restless=float(rng.uniform(0.5, 1.5)))


def _randomised(person: Person, rng: np.random.Generator, wild: float) -> Person:
    """Colours of skin, hair and light pulled towards anything, strongly at 1."""
    from dataclasses import replace

    def away(colour: RGB, amount: float) -> RGB:
        return _rgb(np.array(colour) + amount * wild * rng.random() * (np.array(_any_colour(rng, 0.9)) - np.array(colour)))

    light = person.light
    key = np.array(light.key) * (1 + 0.35 * wild * rng.normal(size=3).clip(-1, 1))
    style = str(rng.choice(list(STYLES))) if rng.random() < 0.3 * wild else person.hair.style
    return replace(
        person,
        skin=replace(person.skin, tone=away(person.skin.tone, 0.35), lip=away(person.skin.lip, 0.5)),
        hair=replace(person.hair, tone=away(person.hair.tone, 0.8), brow=away(person.hair.brow, 0.4), style=style),
        eyes=replace(person.eyes, iris=away(person.eyes.iris, 0.8)),
        light=replace(light, key=tuple(key.clip(0.4, 1.6)), side=float(light.side + 40 * wild * rng.normal())),
        scene=replace(
            person.scene,
            exposure=float(person.scene.exposure * np.exp(0.25 * wild * rng.normal())),
            contrast=float(person.scene.contrast * np.exp(0.12 * wild * rng.normal())),
            soft=float(np.clip(person.scene.soft + 0.08 * wild * rng.normal(), -0.08, 0.16)),
            framing=float(person.scene.framing * np.exp(0.10 * wild * rng.normal())),
        ),
    )


__all__ = ["STYLES", "sample_person"]
