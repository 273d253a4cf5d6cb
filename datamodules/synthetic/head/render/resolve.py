"""Lights what each pixel sees, one compiled loop per material.

V vertex, T triangle, S side of the picture, N fragment.
"""

from dataclasses import dataclass

from numpy.typing import NDArray

from datamodules.compiled import compiled, inlined
from datamodules.synthetic.head.render.fragments import Fragments
from datamodules.synthetic.head.render.materials import (
    CLOTH,
    EYE,
    FRAME,
    HAIR,
    LASH,
    MOUTH,
    SKIN,
    TEETH,
    TONGUE,
    ambient,
    light_eye,
    light_plain,
    light_skin,
    light_teeth,
)

Array = NDArray
GLOSS = {CLOTH: 0.015, TONGUE: 0.25, FRAME: 0.3}


@inlined
def blend2(values: Array, a: int, b: int, c: int, w: tuple) -> tuple[float, float]:
    """Two columns of a vertex table between three vertices."""
    return (
        w[0] * values[a, 0] + w[1] * values[b, 0] + w[2] * values[c, 0],
        w[0] * values[a, 1] + w[1] * values[b, 1] + w[2] * values[c, 1],
    )


@inlined
def blend3(values: Array, a: int, b: int, c: int, w: tuple) -> tuple[float, float, float]:
    """Three columns of a vertex table between three vertices."""
    return (
        w[0] * values[a, 0] + w[1] * values[b, 0] + w[2] * values[c, 0],
        w[0] * values[a, 1] + w[1] * values[b, 1] + w[2] * values[c, 1],
        w[0] * values[a, 2] + w[1] * values[b, 2] + w[2] * values[c, 2],
    )


@inlined
def corners_of(n: int, triangles: Array, corners: Array, weights: Array) -> tuple[int, int, int, tuple]:
    """Vertices of the triangle under fragment `n`, and the fragment's weights between them."""
    t = triangles[n]
    return corners[t, 0], corners[t, 1], corners[t, 2], (weights[n, 0], weights[n, 1], weights[n, 2])


@inlined
def surface(
    places: Array, normals: Array, hidden: Array, a: int, b: int, c: int, w: tuple
) -> tuple[tuple, tuple, tuple]:
    """Place in the texture, normal, and how far light is hidden, between three vertices."""
    return blend2(places, a, b, c, w), blend3(normals, a, b, c, w), blend2(hidden, a, b, c, w)


@inlined
def add(out: Array, pixel: int, share: float, colour: tuple) -> None:
    """Adds a share of a colour to a pixel of the picture as rows (S * S, 3)."""
    out[pixel, 0] += share * colour[0]
    out[pixel, 1] += share * colour[1]
    out[pixel, 2] += share * colour[2]


@compiled
def shade_skin(
    order: Array,
    pixels: Array,
    shares: Array,
    triangles: Array,
    weights: Array,
    corners: Array,
    places: Array,
    normals: Array,
    hidden: Array,
    albedo: Array,
    relief: Array,
    zones: Array,
    folds: Array,
    turn: Array,
    lights: Array,
    out: Array,
) -> None:
    """Lights the fragments of skin."""
    for k in range(len(order)):
        n = int(order[k])
        a, b, c, w = corners_of(n, triangles, corners, weights)
        place, normal, seen = surface(places, normals, hidden, a, b, c, w)
        add(
            out,
            pixels[n],
            shares[n],
            light_skin(place, normal, seen, albedo, relief, zones, folds, turn, lights),
        )


@compiled
def shade_strands(
    order: Array,
    pixels: Array,
    shares: Array,
    triangles: Array,
    weights: Array,
    corners: Array,
    places: Array,
    colours: Array,
    tones: Array,
    out: Array,
) -> None:
    """Hair and lashes, lit by vertex before: their colours times the brightness of strands (h, w)."""
    rows, columns = tones.shape
    for k in range(len(order)):
        n = int(order[k])
        a, b, c, w = corners_of(n, triangles, corners, weights)
        r, g, blue = blend3(colours, a, b, c, w)
        u, v = blend2(places, a, b, c, w)
        share = shares[n] * tones[min(max(int(v * rows), 0), rows - 1), int(u * columns) % columns]
        add(out, pixels[n], share, (r, g, blue))


@compiled
def shade_plain(
    order: Array,
    pixels: Array,
    shares: Array,
    triangles: Array,
    weights: Array,
    corners: Array,
    colours: Array,
    normals: Array,
    hidden: Array,
    gloss: float,
    lights: Array,
    out: Array,
) -> None:
    """What has one colour: cloth, tongue, frames with their gloss; the mouth (gloss below 0) by sky alone."""
    for k in range(len(order)):
        n = int(order[k])
        a, b, c, w = corners_of(n, triangles, corners, weights)
        colour, seen = blend3(colours, a, b, c, w), blend2(hidden, a, b, c, w)
        if gloss < 0:
            red, green, blue = ambient(0.0, seen[0], lights)
            add(out, pixels[n], shares[n], (colour[0] * red, colour[1] * green, colour[2] * blue))
        else:
            normal = blend3(normals, a, b, c, w)
            add(out, pixels[n], shares[n], light_plain(normal, seen, colour, gloss, lights))


@compiled
def shade_eyes(
    order: Array,
    pixels: Array,
    shares: Array,
    triangles: Array,
    weights: Array,
    corners: Array,
    places: Array,
    normals: Array,
    hidden: Array,
    iris: Array,
    white: Array,
    pupil: float,
    lights: Array,
    out: Array,
) -> None:
    """Lights the eyeballs."""
    for k in range(len(order)):
        n = int(order[k])
        a, b, c, w = corners_of(n, triangles, corners, weights)
        place, normal, seen = surface(places, normals, hidden, a, b, c, w)
        add(out, pixels[n], shares[n], light_eye(place, normal, seen, iris, white, pupil, lights))


@compiled
def shade_teeth(
    order: Array,
    pixels: Array,
    shares: Array,
    triangles: Array,
    weights: Array,
    corners: Array,
    places: Array,
    normals: Array,
    hidden: Array,
    white: Array,
    lights: Array,
    out: Array,
) -> None:
    """Lights the teeth."""
    for k in range(len(order)):
        n = int(order[k])
        a, b, c, w = corners_of(n, triangles, corners, weights)
        place, normal, seen = surface(places, normals, hidden, a, b, c, w)
        add(out, pixels[n], shares[n], light_teeth(place, normal, seen[0], white, lights))


@dataclass(frozen=True)
class Look:
    """What the materials read of a person: textures, colours and lights, see `materials`."""

    albedo: Array
    relief: Array
    zones: Array
    tones: Array
    even: Array  # (1, 1) of ones: lashes have no strands
    iris: Array
    white: Array
    teeth: Array
    pupil: float
    lights: Array


def light_fragments(
    f: Fragments,
    corners: Array,
    places: Array,
    colours: Array,
    normals: Array,
    hidden: Array,
    folds: Array,
    turn: Array,
    look: Look,
    out_SS3: Array,
) -> None:
    """Lights all fragments into the picture: vertex tables, depths of folds (Z,), turn (3, 3)."""
    out = out_SS3.reshape(-1, 3)

    def of(material: int) -> tuple[Array, Array, Array, Array, Array, Array]:
        return f.lists[material, : f.counts[material]], f.pixels, f.shares, f.triangles, f.weights, corners

    shade_skin(
        *of(SKIN),
        places,
        normals,
        hidden,
        look.albedo,
        look.relief,
        look.zones,
        folds,
        turn,
        look.lights,
        out,
    )
    shade_strands(*of(HAIR), places, colours, look.tones, out)
    shade_strands(*of(LASH), places, colours, look.even, out)
    shade_plain(*of(MOUTH), colours, normals, hidden, -1.0, look.lights, out)
    for material, gloss in GLOSS.items():
        shade_plain(*of(material), colours, normals, hidden, gloss, look.lights, out)
    shade_eyes(*of(EYE), places, normals, hidden, look.iris, look.white, look.pupil, look.lights, out)
    shade_teeth(*of(TEETH), places, normals, hidden, look.teeth, look.lights, out)
