"""Who is filmed, and how: the constants of one clip. Lengths are fractions of the image side."""

from dataclasses import dataclass

RGB = tuple[float, float, float]  # sRGB, 0..1


@dataclass(frozen=True)
class Shape:
    """Face geometry in fractions of the image side; offsets are against the average face."""

    width: float
    length: float
    jaw: float
    chin: float
    taper: float
    skull: float
    eye_distance: float
    eye_size: float
    eye_height: float
    eye_tilt: float
    brow_height: float
    brow_arch: float
    brow_tilt: float
    brow_thickness: float
    nose_length: float
    nose_width: float
    nose_bridge: float
    mouth_width: float
    mouth_height: float
    upper_lip: float
    lower_lip: float
    cupid: float
    cheekbone: float
    ear: float


@dataclass(frozen=True)
class Skin:
    """Colours and texture of the skin; strengths in 0..1."""

    tone: RGB
    lip: RGB
    blush: float
    freckles: float
    grain: float
    blotches: float
    shine: float
    age: float
    eyeshadow: RGB
    make_up: float


@dataclass(frozen=True)
class Hair:
    """Hair, brows and beard."""

    style: str
    tone: RGB
    volume: float
    line: float
    parting: float
    strand: float
    shine: float
    brow: RGB
    beard: float
    moustache: float
    beard_length: float
    hat: float
    hat_tone: RGB


@dataclass(frozen=True)
class Eyes:
    """Iris, white of the eye, lashes, glasses."""

    iris: RGB
    iris_size: float
    white: RGB
    lash: float
    glasses: float
    frame: RGB
    frame_round: float
    teeth: RGB
    cavity: RGB
    tongue: RGB


@dataclass(frozen=True)
class Light:
    """One key light over a sky: direction is a unit vector to the light (right, down, towards the camera)."""

    direction: tuple[float, float, float]
    key: RGB
    ambient: RGB
    gradient: tuple[float, float]
    highlight: float


@dataclass(frozen=True)
class Scene:
    """Backdrop and clothes."""

    backdrop: str
    colours: tuple[RGB, RGB, RGB]
    shirt: RGB
    collar: float
    shirt_pattern: float


@dataclass(frozen=True)
class Camera:
    """What the camera does to the picture: all constant over a clip."""

    noise: float
    blur: float
    contrast: float
    brightness: float
    tint: RGB
    colour_field: float
    warp: float


@dataclass(frozen=True)
class Identity:
    """One person in one studio. Equal seeds give equal identities; `seed` also drives all textures."""

    seed: int
    randomisation: float
    shape: Shape
    skin: Skin
    hair: Hair
    eyes: Eyes
    light: Light
    scene: Scene
    camera: Camera
