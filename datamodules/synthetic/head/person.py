"""Who is filmed, and how: the constants of one clip. Colours are sRGB in 0..1, strengths in 0..1."""

from dataclasses import dataclass

RGB = tuple[float, float, float]


@dataclass(frozen=True)
class Shape:
    """Bones and flesh: ancestry weights that sum to 1, gender (0 female, 1 male), age (0 is 25, 1 is 90).

    `weight` and `muscle` in [-1, 1]; `local` names of local shapes with amounts; `asymmetry` in [-1, 1];
    `scale` of the whole head.
    """

    african: float
    asian: float
    caucasian: float
    gender: float
    age: float
    weight: float
    muscle: float
    local: tuple[tuple[str, float], ...]
    asymmetry: float
    scale: float


@dataclass(frozen=True)
class Skin:
    """Colours and texture of the skin."""

    tone: RGB
    lip: RGB
    blush: float
    freckles: float
    mottling: float
    pores: float
    moles: int
    gloss: float
    wrinkles: float
    under_eye: float
    stubble: float
    make_up: float
    shadow: RGB


@dataclass(frozen=True)
class Hair:
    """Hair, brows, lashes and beard. `style` is a name of `hair.STYLES`, `beard` one of `beard.BEARDS`."""

    style: str
    tone: RGB
    grey: float
    volume: float
    length: float
    curl: float
    parting: float
    hairline: float
    gloss: float
    brow: RGB
    brow_thickness: float
    brow_height: float
    brow_density: float
    lashes: float
    beard: str
    beard_tone: RGB


@dataclass(frozen=True)
class Eyes:
    """Iris, white, teeth."""

    iris: RGB
    iris_ring: RGB
    white: RGB
    pupil: float
    teeth: RGB


@dataclass(frozen=True)
class Outfit:
    """Clothes and glasses. `collar` names a cut of `outfit.COLLARS`; `glasses` one of `outfit.GLASSES`."""

    collar: str
    cloth: RGB
    trim: RGB
    pattern: float
    glasses: str
    frame: RGB


@dataclass(frozen=True)
class Light:
    """Key light by direction (degrees to the picture's right, degrees up), softness, and three colours."""

    side: float
    height: float
    softness: float
    key: RGB
    fill: RGB
    rim: RGB
    fill_side: float
    sky: RGB
    ground: RGB


@dataclass(frozen=True)
class Scene:
    """Camera and backdrop."""

    backdrop: str
    colours: tuple[RGB, RGB, RGB]
    distance: float
    framing: float
    shift: tuple[float, float]
    exposure: float
    contrast: float
    warmth: float
    soft: float
    noise: float


@dataclass(frozen=True)
class Acting:
    """How this person moves: a gain for each of the 52 actions (sides differ) and blinks a second."""

    gains: tuple[float, ...]
    blink_rate: float
    restless: float


@dataclass(frozen=True)
class Person:
    """One person in one studio. Equal seeds give equal people; `seed` also drives all textures."""

    seed: int
    randomisation: float
    shape: Shape
    skin: Skin
    hair: Hair
    eyes: Eyes
    outfit: Outfit
    light: Light
    scene: Scene
    acting: Acting
