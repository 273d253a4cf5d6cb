"""People and studios drawn from one seed. Lengths are fractions of the image side, colours sRGB in 0..1."""

import numpy as np

from datamodules.synthetic.face.identity import (
    RGB,
    Camera,
    Eyes,
    Hair,
    Identity,
    Light,
    Scene,
    Shape,
    Skin,
)

# Light to deep human skin, after the Monk Skin Tone scale (Monk 2019), in sRGB.
SKIN_TONES: tuple[RGB, ...] = (
    (0.95, 0.83, 0.77),
    (0.94, 0.80, 0.71),
    (0.92, 0.77, 0.65),
    (0.87, 0.70, 0.57),
    (0.82, 0.63, 0.49),
    (0.73, 0.54, 0.40),
    (0.62, 0.43, 0.31),
    (0.50, 0.34, 0.25),
    (0.40, 0.26, 0.19),
    (0.31, 0.20, 0.16),
)
HAIR_TONES: tuple[RGB, ...] = (
    (0.08, 0.07, 0.07),
    (0.15, 0.10, 0.08),
    (0.25, 0.16, 0.11),
    (0.37, 0.24, 0.15),
    (0.52, 0.36, 0.21),
    (0.74, 0.57, 0.34),
    (0.87, 0.75, 0.52),
    (0.55, 0.25, 0.12),
    (0.66, 0.33, 0.15),
    (0.62, 0.61, 0.60),
    (0.85, 0.84, 0.82),
)
EYE_TONES: tuple[RGB, ...] = (
    (0.20, 0.12, 0.07),
    (0.33, 0.20, 0.10),
    (0.45, 0.30, 0.14),
    (0.46, 0.44, 0.22),
    (0.30, 0.47, 0.30),
    (0.33, 0.50, 0.64),
    (0.46, 0.58, 0.68),
    (0.48, 0.53, 0.55),
)


class _Draw:
    """Draws of one seeded generator; `wild` is the strength of domain randomisation."""

    def __init__(self, seed: int, wild: float) -> None:
        self.rng, self.wild = np.random.default_rng([seed, 0xFACE]), wild

    def bell(self, mean: float, spread: float, widen: float = 0.5) -> float:
        """Normal, cut at two deviations; `widen` adds that share of the spread at full randomisation."""
        return float(mean + spread * (1 + widen * self.wild) * np.clip(self.rng.normal(), -2, 2))

    def between(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))

    def chance(self, share: float) -> bool:
        return bool(self.rng.random() < share)

    def tone(self, palette: tuple[RGB, ...], jitter: float) -> RGB:
        """A colour between two neighbours of the palette, jittered; anything at all at full randomisation."""
        place = self.rng.uniform(0, len(palette) - 1)
        low = int(place)
        base = np.array(palette[low]) * (low + 1 - place) + np.array(palette[low + 1]) * (place - low)
        return self.near(base, jitter)

    def near(self, base: np.ndarray | RGB, jitter: float) -> RGB:
        """The colour, jittered in brightness and hue; randomisation pulls it to a uniformly random colour."""
        colour = np.array(base) * (1 + jitter * self.rng.normal()) + 0.4 * jitter * self.rng.normal(size=3)
        pull = self.wild**2 * 0.55 * self.rng.random()
        colour = colour * (1 - pull) + pull * self.rng.random(3)
        red, green, blue = np.clip(colour, 0.02, 0.98)
        return float(red), float(green), float(blue)


def sample_identity(seed: int, randomisation: float = 0.0) -> Identity:
    """A person, drawn from `seed`.

    Args:
        seed: non-negative; the same seed and randomisation give the same person.
        randomisation: 0 is a clean studio look, 1 the strongest domain randomisation.

    Raises:
        ValueError: if the seed is negative or the randomisation is outside 0..1.
    """
    if seed < 0:
        raise ValueError(f"seed {seed} is negative: give an integer of at least 0")
    if not 0 <= randomisation <= 1:
        raise ValueError(f"randomisation {randomisation} is outside 0..1")
    draw = _Draw(seed, randomisation)
    feminine = draw.chance(0.5)
    age = draw.between(0, 1) ** 1.5
    shape = _shape(draw, feminine)
    skin = _skin(draw, feminine, age)
    hair = _hair(draw, feminine, age, skin)
    return Identity(
        seed,
        randomisation,
        shape,
        skin,
        hair,
        _eyes(draw, feminine),
        _light(draw),
        _scene(draw),
        _camera(draw),
    )


def _shape(draw: _Draw, feminine: bool) -> Shape:
    lean = 1.0 if feminine else -1.0
    return Shape(
        width=draw.bell(0.234 - 0.004 * lean, 0.010),
        length=draw.bell(0.325 - 0.004 * lean, 0.010),
        jaw=draw.bell(0.004 - 0.008 * lean, 0.008),
        chin=draw.bell(0.0 - 0.002 * lean, 0.006),
        taper=draw.bell(0.016 + 0.003 * lean, 0.006),
        skull=draw.bell(0.325, 0.008),
        eye_distance=draw.bell(0.102, 0.0045),
        eye_size=draw.bell(0.0580 + 0.0025 * lean, 0.003),
        eye_height=draw.bell(1.0 + 0.06 * lean, 0.11),
        eye_tilt=draw.bell(0.05 + 0.02 * lean, 0.06),
        brow_height=draw.bell(0.064 + 0.003 * lean, 0.005),
        brow_arch=draw.bell(0.010 + 0.003 * lean, 0.004),
        brow_tilt=draw.bell(0.0, 0.006),
        brow_thickness=draw.bell(0.0098 - 0.0018 * lean, 0.0016),
        nose_length=draw.bell(0.150, 0.008),
        nose_width=draw.bell(0.045 - 0.003 * lean, 0.005),
        nose_bridge=draw.bell(0.009, 0.003),
        mouth_width=draw.bell(0.086, 0.006),
        mouth_height=draw.bell(0.248, 0.006),
        upper_lip=draw.bell(0.0210 + 0.002 * lean, 0.0035),
        lower_lip=draw.bell(0.0245 + 0.002 * lean, 0.004),
        cupid=draw.bell(0.22, 0.08),
        cheekbone=draw.bell(0.5, 0.25),
        ear=draw.bell(1.0, 0.12),
    )


def _skin(draw: _Draw, feminine: bool, age: float) -> Skin:
    wild = draw.wild
    tone = draw.tone(SKIN_TONES, 0.04)
    make_up = draw.between(0.2, 1) if feminine and draw.chance(0.55) else 0.0
    bare = (tone[0] * 0.86, tone[1] * 0.62, tone[2] * 0.62)
    paint = draw.tone(((0.72, 0.22, 0.26), (0.80, 0.36, 0.38), (0.55, 0.14, 0.24), (0.76, 0.42, 0.36)), 0.05)
    share = 0.75 * make_up
    lip = draw.near(np.array(bare) * (1 - share) + np.array(paint) * share, 0.05)
    return Skin(
        tone=tone,
        lip=lip,
        blush=draw.between(0.2, 1),
        freckles=draw.between(0.3, 1) if draw.chance(0.15 + 0.2 * wild) else 0.0,
        grain=draw.between(0.05, 0.16) + wild * draw.between(0, 1.2),
        blotches=draw.between(0.03, 0.16) + wild * draw.between(0, 1),
        shine=draw.between(0.1, 0.5) + wild * draw.between(0, 0.7),
        age=age,
        eyeshadow=draw.tone(
            ((0.35, 0.22, 0.25), (0.42, 0.30, 0.42), (0.25, 0.28, 0.40), (0.45, 0.30, 0.20)), 0.1
        ),
        make_up=make_up,
    )


def _hair(draw: _Draw, feminine: bool, age: float, skin: Skin) -> Hair:
    styles = ("long", "bob", "fringe", "curly", "swept", "side", "long", "short")
    if not feminine:
        styles = ("short", "side", "bald", "swept", "curly", "receding", "short", "side")
    dark = HAIR_TONES[:9] if sum(skin.tone) > 1.6 else HAIR_TONES[:4]
    tone = draw.tone(HAIR_TONES[8:] if age > 0.6 and draw.chance(0.7) else dark, 0.08)
    beard = draw.between(0.15, 1) if not feminine and draw.chance(0.45) else 0.0
    return Hair(
        style=styles[int(draw.rng.integers(len(styles)))],
        tone=tone,
        volume=max(draw.bell(0.042, 0.010), 0.016),
        line=draw.bell(0.0, 0.010),
        parting=draw.between(-0.8, 0.8),
        strand=draw.between(0.4, 1),
        shine=draw.between(0.2, 0.9),
        brow=draw.near(0.75 * np.array(tone), 0.05),
        beard=beard,
        moustache=beard
        if draw.chance(0.7)
        else (draw.between(0.3, 1) if not feminine and draw.chance(0.1) else 0),
        beard_length=draw.between(0, 1),
        hat=draw.between(0.3, 1) if draw.chance(0.03 + 0.12 * draw.wild) else 0.0,
        hat_tone=draw.near((0.4, 0.4, 0.4), 0.5),
    )


def _eyes(draw: _Draw, feminine: bool) -> Eyes:
    return Eyes(
        iris=draw.tone(EYE_TONES, 0.1),
        iris_size=draw.bell(0.49, 0.02),
        white=draw.near((0.93, 0.92, 0.91), 0.02),
        lash=draw.between(0.5, 1) if feminine else draw.between(0.15, 0.5),
        glasses=draw.between(0.4, 1) if draw.chance(0.2) else 0.0,
        frame=draw.near((0.15, 0.13, 0.13) if draw.chance(0.6) else (0.55, 0.40, 0.25), 0.25),
        frame_round=draw.between(2, 5),
        teeth=draw.near((0.93, 0.90, 0.85), 0.03),
        cavity=draw.near((0.22, 0.07, 0.07), 0.1),
        tongue=draw.near((0.72, 0.33, 0.33), 0.05),
    )


def _light(draw: _Draw) -> Light:
    wild = draw.wild
    azimuth = draw.bell(0.0, 0.45, widen=1.0)
    height = draw.between(0.25, 0.8) - wild * draw.between(0, 0.5)
    direction = (np.sin(azimuth) * np.cos(height), -np.sin(height), np.cos(azimuth) * np.cos(height))
    x, y, z = (float(d) for d in direction)
    warmth = draw.bell(0.02, 0.025, widen=3.0)
    key = draw.between(0.58, 0.78) + wild * draw.between(-0.2, 0.3)
    sky = draw.between(0.32, 0.44) + wild * draw.between(-0.15, 0.1)
    return Light(
        direction=(x, y, z),
        key=(key * (1 + warmth), key, key * (1 - warmth)),
        ambient=(sky * (1 - warmth), sky, sky * (1 + 0.8 * warmth)),
        gradient=(draw.bell(0, 0.03 + 0.25 * wild), draw.bell(0, 0.03 + 0.25 * wild)),
        highlight=draw.between(0.4, 1),
    )


def _scene(draw: _Draw) -> Scene:
    kinds = ("gradient", "vignette", "bokeh", "gradient", "wall", "stripes", "shapes", "noise")
    count = 5 if not draw.chance(draw.wild) else len(kinds)
    studio = (
        (0.62, 0.66, 0.70),
        (0.40, 0.48, 0.56),
        (0.70, 0.64, 0.58),
        (0.30, 0.36, 0.34),
        (0.80, 0.80, 0.78),
    )
    cloth = (
        (0.20, 0.24, 0.32),
        (0.60, 0.20, 0.20),
        (0.85, 0.84, 0.80),
        (0.16, 0.30, 0.28),
        (0.42, 0.36, 0.50),
    )
    return Scene(
        backdrop=kinds[int(draw.rng.integers(count))],
        colours=(draw.tone(studio, 0.15), draw.tone(studio, 0.15), draw.tone(studio, 0.25)),
        shirt=draw.tone(cloth, 0.2),
        collar=draw.between(0, 1),
        shirt_pattern=draw.between(0, 1),
    )


def _camera(draw: _Draw) -> Camera:
    wild = draw.wild
    tint = 1 + 0.18 * wild * np.clip(draw.rng.normal(size=3), -1.5, 1.5)
    return Camera(
        noise=0.06 * wild * draw.between(0, 1) ** 2,
        blur=wild * draw.between(-0.12, 0.22),
        contrast=1 + wild * draw.between(-0.35, 0.35),
        brightness=wild * draw.between(-0.08, 0.08),
        tint=(float(tint[0]), float(tint[1]), float(tint[2])),
        colour_field=wild * draw.between(0, 0.3),
        warp=0.009 * wild,
    )
