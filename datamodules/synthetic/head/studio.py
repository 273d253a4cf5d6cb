"""What surrounds a person, drawn from a seed: clothes, light, camera, ways of moving; and wilder looks."""

from dataclasses import replace

import numpy as np

from datamodules.facial_actions import FACIAL_ACTIONS
from datamodules.synthetic.head.chance import any_colour, pick, rgb
from datamodules.synthetic.head.look.backdrop import BACKDROPS
from datamodules.synthetic.head.look.hair import STYLES
from datamodules.synthetic.head.look.outfit import COLLARS, GLASSES
from datamodules.synthetic.head.person import RGB, Acting, Light, Outfit, Person, Scene, Shape


def outfit(rng: np.random.Generator, shape: Shape) -> Outfit:
    """Clothes and perhaps glasses."""
    cloth = np.array(any_colour(rng, 0.7, 0.06, 0.95))
    trim = cloth * rng.uniform(0.75, 1.1) if rng.random() < 0.7 else np.array(any_colour(rng))
    return Outfit(
        collar=pick(rng, COLLARS, (3, 1.5, 1.5, 1, 1, 1.5 if shape.gender < 0.5 else 0.1)),
        cloth=rgb(cloth),
        trim=rgb(trim),
        pattern=float(rng.uniform(0.2, 0.8)) if rng.random() < 0.2 else 0.0,
        glasses=pick(rng, GLASSES, (7, 0.6, 0.8, 0.8, 0.4)),
        frame=any_colour(rng, 0.5, 0.03, 0.4),
    )


def light(rng: np.random.Generator, wild: float) -> Light:
    """A key light with fill, rim and surroundings; `wild` in 0..1 tints it."""
    strength = rng.uniform(0.95, 1.15)
    warm = rng.normal(0, 0.04 + 0.10 * wild)
    key = np.array([1 + warm, 1.0, 1 - warm]) * strength
    fill = rng.uniform(0.25, 0.55) * np.array([1 - 0.5 * warm, 1, 1 + 0.5 * warm])
    side = float(rng.normal(0, 32))
    return Light(
        side=side,
        height=float(rng.uniform(12, 52)),
        softness=float(rng.uniform(0.15, 0.6)),
        key=tuple(key),
        fill=tuple(fill),
        rim=tuple(rng.uniform(0.0, 0.6) * np.ones(3)),
        fill_side=float(-np.sign(side) * rng.uniform(35, 75)),
        sky=tuple(rng.uniform(0.50, 0.72) * np.array([1 - 0.3 * warm, 1, 1 + 0.3 * warm])),
        ground=tuple(rng.uniform(0.30, 0.45) * np.array([1.05, 1, 0.95])),
    )


def scene(rng: np.random.Generator, wild: float) -> Scene:
    """Camera and backdrop; `wild` in 0..1 adds noise."""
    return Scene(
        backdrop=pick(rng, BACKDROPS, (2.5, 1.5, 1.5, 0.8, 0.8, 0.8)),
        colours=(
            any_colour(rng, 0.45, 0.1, 0.85),
            any_colour(rng, 0.45, 0.1, 0.85),
            any_colour(rng, 0.6, 0.3, 1.0),
        ),
        distance=float(rng.uniform(8, 16)),
        framing=float(rng.uniform(0.94, 1.06)),
        shift=(float(rng.normal(0, 0.01)), float(rng.normal(0, 0.012))),
        exposure=float(rng.uniform(0.85, 1.2)),
        contrast=float(rng.uniform(0.95, 1.12)),
        warmth=0.0,
        soft=float(rng.uniform(-0.04, 0.08)),
        noise=float(rng.uniform(0.3, 2.0) + 3 * wild * rng.random()),
    )


def acting(rng: np.random.Generator) -> Acting:
    """One gain for each action: people differ, and their two sides a little."""
    both = dict.fromkeys((name.removesuffix("Left").removesuffix("Right") for name in FACIAL_ACTIONS), 1.0)
    both = {name: float(rng.lognormal(0, 0.12)) for name in both}
    tilt = float(rng.normal(0, 0.07))
    gains = []
    for name in FACIAL_ACTIONS:
        side = 1 if name.endswith("Left") else -1 if name.endswith("Right") else 0
        gain = both[name.removesuffix("Left").removesuffix("Right")]
        gains.append(float(np.clip(gain * (1 + side * (tilt + rng.normal(0, 0.05))), 0.6, 1.35)))
    return Acting(
        gains=tuple(gains), blink_rate=float(rng.uniform(0.15, 0.5)), restless=float(rng.uniform(0.5, 1.5))
    )


def randomised(person: Person, rng: np.random.Generator, wild: float) -> Person:
    """Colours of skin, hair and light pulled towards anything, strongly at 1."""

    def away(colour: RGB, amount: float) -> RGB:
        return rgb(
            np.array(colour)
            + amount * wild * rng.random() * (np.array(any_colour(rng, 0.9)) - np.array(colour))
        )

    light = person.light
    key = np.array(light.key) * (1 + 0.35 * wild * rng.normal(size=3).clip(-1, 1))
    style = str(rng.choice(list(STYLES))) if rng.random() < 0.3 * wild else person.hair.style
    return replace(
        person,
        skin=replace(person.skin, tone=away(person.skin.tone, 0.35), lip=away(person.skin.lip, 0.5)),
        hair=replace(
            person.hair, tone=away(person.hair.tone, 0.8), brow=away(person.hair.brow, 0.4), style=style
        ),
        eyes=replace(person.eyes, iris=away(person.eyes.iris, 0.8)),
        light=replace(
            light, key=tuple(key.clip(0.4, 1.6)), side=float(light.side + 40 * wild * rng.normal())
        ),
        scene=replace(
            person.scene,
            exposure=float(person.scene.exposure * np.exp(0.25 * wild * rng.normal())),
            contrast=float(person.scene.contrast * np.exp(0.12 * wild * rng.normal())),
            soft=float(np.clip(person.scene.soft + 0.08 * wild * rng.normal(), -0.08, 0.16)),
            framing=float(person.scene.framing * np.exp(0.10 * wild * rng.normal())),
        ),
    )
