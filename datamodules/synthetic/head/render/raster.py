"""Places, normals and visibility: which triangle is nearest at each sample of the picture.

V vertex, T triangle, H row and W column of samples. Screen columns are x right and y down in samples, the
centre of sample i at i + 0.5, and w, the inverse distance from the camera, which is linear on the screen.
"""

import numpy as np
from numpy.typing import NDArray

from datamodules.compiled import compiled, inlined

Array = NDArray

ONE_SIDED, TWO_SIDED, CUT_OUT, COVERED = (
    0,
    1,
    2,
    255,
)  # kinds of triangles; CUT_OUT + n is cut by alpha sheet n


@compiled
def turn_vertices(
    rest_V3: Array, weight_V: Array, turn_33: Array, pivot_3: Array, shift_3: Array, out_V3: Array
) -> None:
    """Turns the head about the pivot and shifts it; the weight says how far each vertex follows."""
    for v in range(rest_V3.shape[0]):
        x, y, z = rest_V3[v, 0], rest_V3[v, 1], rest_V3[v, 2]
        w = weight_V[v]
        if w > 0:
            dx, dy, dz = x - pivot_3[0], y - pivot_3[1], z - pivot_3[2]
            nx = turn_33[0, 0] * dx + turn_33[0, 1] * dy + turn_33[0, 2] * dz - dx + shift_3[0]
            ny = turn_33[1, 0] * dx + turn_33[1, 1] * dy + turn_33[1, 2] * dz - dy + shift_3[1]
            nz = turn_33[2, 0] * dx + turn_33[2, 1] * dy + turn_33[2, 2] * dz - dz + shift_3[2]
            x, y, z = x + w * nx, y + w * ny, z + w * nz
        out_V3[v, 0], out_V3[v, 1], out_V3[v, 2] = x, y, z


@compiled
def project(points_V3: Array, camera_4: Array, samples: int, out_V3: Array) -> None:
    """Perspective: points in decimetres to the screen. Camera: distance, focal length, centre x, centre y.

    Focal length and centre are in sides of the picture; a point at distance d of height h is h * focal / d
    sides tall.
    """
    distance, focal, middle_x, middle_y = camera_4[0], camera_4[1], camera_4[2], camera_4[3]
    for v in range(points_V3.shape[0]):
        w = 1 / (distance - points_V3[v, 2])
        out_V3[v, 0] = samples * (middle_x + focal * points_V3[v, 0] * w)
        out_V3[v, 1] = samples * (middle_y - focal * points_V3[v, 1] * w)
        out_V3[v, 2] = w


@compiled
def smooth_normals(points_V3: Array, triangles_T3: Array, count: int, out_V3: Array) -> None:
    """Area-weighted vertex normals of the first `count` triangles, of unit length."""
    out_V3[:] = 0
    for t in range(count):
        a, b, c = triangles_T3[t, 0], triangles_T3[t, 1], triangles_T3[t, 2]
        ax, ay, az = points_V3[a, 0], points_V3[a, 1], points_V3[a, 2]
        ux, uy, uz = points_V3[b, 0] - ax, points_V3[b, 1] - ay, points_V3[b, 2] - az
        vx, vy, vz = points_V3[c, 0] - ax, points_V3[c, 1] - ay, points_V3[c, 2] - az
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for v in (a, b, c):
            out_V3[v, 0] += nx
            out_V3[v, 1] += ny
            out_V3[v, 2] += nz
    for v in range(out_V3.shape[0]):
        n = out_V3[v]
        length = np.sqrt(n[0] * n[0] + n[1] * n[1] + n[2] * n[2])
        if length > 0:
            n /= length


@inlined
def span(value: float, slope: float, first: int, last: int) -> tuple[int, int]:
    """The steps k in first..last with value + k * slope >= 0 (none: first above last)."""
    if slope > 1e-12:
        first = max(first, int(np.ceil(-value / slope)))
    elif slope < -1e-12:
        last = min(last, int(np.floor(-value / slope)))
    elif value < 0:
        last = first - 1
    return first, last


@inlined
def hidden(near_HW: Array, x: float, y: float, w: float) -> bool:
    """Whether something drawn before covers this place of the screen."""
    row = min(max(int(y), 0), near_HW.shape[0] - 1)
    column = min(max(int(x), 0), near_HW.shape[1] - 1)
    return near_HW[row, column] > w * 1.0005


@inlined
def extent(a: float, b: float, c: float, count: int) -> tuple[int, int]:
    """First and last of `count` samples between the least and the largest of three places."""
    return max(0, int(np.ceil(min(a, b, c) - 0.5))), min(count - 1, int(np.floor(max(a, b, c) - 0.5)))


@inlined
def cut(sheets: Array, sheet: int, u: float, v: float, y: int, x: int) -> bool:
    """Whether an alpha sheet has a hole at a place; the threshold differs between the samples of a pixel."""
    row = min(max(int(v * sheets.shape[1]), 0), sheets.shape[1] - 1)
    column = int(u * sheets.shape[2]) & (sheets.shape[2] - 1)
    return sheets[sheet, row, column] <= 40 + 55 * ((y & 1) * 2 + ((x ^ y) & 1))


@compiled
def rasterise(
    screen_V3: Array,
    triangles_T3: Array,
    kinds_T: Array,
    places_V2: Array,
    sheets: Array,
    facing_V: Array,
    near_HW: Array,
    owner_HW: Array,
) -> None:
    """Fills the depth buffer (w of the nearest surface, 0 where there is none) and the owner, -1 for none.

    Cut-out triangles exist where their sheet (N, h, w) uint8 at their place (u repeats, w a power of two) is
    opaque. They are left out where all corners have `facing` below zero or lie behind what was drawn before
    (hair has many layers). Covered triangles are left out. Of equal depths the earlier one stays.
    """
    near_HW[:] = 0
    owner_HW[:] = -1
    for t in range(triangles_T3.shape[0]):
        a, b, c, kind = triangles_T3[t, 0], triangles_T3[t, 1], triangles_T3[t, 2], kinds_T[t]
        if kind == 255 or (kind >= 2 and facing_V[a] < 0 and facing_V[b] < 0 and facing_V[c] < 0):
            continue
        ax, ay, aw = screen_V3[a, 0], screen_V3[a, 1], screen_V3[a, 2]
        bx, by, bw = screen_V3[b, 0], screen_V3[b, 1], screen_V3[b, 2]
        cx, cy, cw = screen_V3[c, 0], screen_V3[c, 1], screen_V3[c, 2]
        area = (cx - ax) * (by - ay) - (bx - ax) * (cy - ay)  # positive: faces the camera
        left, right = extent(ax, bx, cx, near_HW.shape[1])
        top, bottom = extent(ay, by, cy, near_HW.shape[0])
        if area == 0 or (area < 0 and kind == 0) or left > right or top > bottom:
            continue
        if (
            kind >= 2
            and hidden(near_HW, ax, ay, aw)
            and hidden(near_HW, bx, by, bw)
            and hidden(near_HW, cx, cy, cw)
        ):
            continue
        # Barycentric weights of a and b are linear in x and y; that of c is what is left.
        a_x, a_y = (cy - by) / area, (bx - cx) / area
        b_x, b_y = (ay - cy) / area, (cx - ax) / area
        w_x = a_x * (aw - cw) + b_x * (bw - cw)
        for y in range(top, bottom + 1):
            wa = a_x * (left + 0.5 - cx) + a_y * (y + 0.5 - cy)
            wb = b_x * (left + 0.5 - cx) + b_y * (y + 0.5 - cy)
            first, last = span(wa, a_x, 0, right - left)
            first, last = span(wb, b_x, first, last)
            first, last = span(1 - wa - wb, -a_x - b_x, first, last)
            w = cw + wa * (aw - cw) + wb * (bw - cw)
            for k in range(first, last + 1):
                x, near = left + k, w + k * w_x
                if near > near_HW[y, x]:
                    if kind >= 2:
                        pa, pb = wa + k * a_x, wb + k * b_x
                        u = pa * places_V2[a, 0] + pb * places_V2[b, 0] + (1 - pa - pb) * places_V2[c, 0]
                        v = pa * places_V2[a, 1] + pb * places_V2[b, 1] + (1 - pa - pb) * places_V2[c, 1]
                        if cut(sheets, kind - 2, u, v, y, x):
                            continue
                    near_HW[y, x], owner_HW[y, x] = near, t


@inlined
def weights_at(screen: Array, a: int, b: int, c: int, x: float, y: float) -> tuple[float, float, float]:
    """Perspective-correct weights of a triangle's corners at a place that may lie a little outside."""
    ax, ay, aw = screen[a, 0], screen[a, 1], screen[a, 2]
    bx, by, bw = screen[b, 0], screen[b, 1], screen[b, 2]
    cx, cy, cw = screen[c, 0], screen[c, 1], screen[c, 2]
    inverse = 1 / ((cx - ax) * (by - ay) - (bx - ax) * (cy - ay))
    wa = ((cx - bx) * (y - cy) - (cy - by) * (x - cx)) * -inverse
    wb = ((ax - cx) * (y - cy) - (ay - cy) * (x - cx)) * -inverse
    wa, wb = min(max(wa, -0.5), 1.5), min(max(wb, -0.5), 1.5)
    wc = 1 - wa - wb
    wa, wb, wc = wa * aw, wb * bw, wc * cw
    total = 1 / (wa + wb + wc)
    return wa * total, wb * total, wc * total


@compiled
def interpolate(
    owner_HW: Array, screen_V3: Array, triangles_T3: Array, values_VK: Array, step: int, out_HWK: Array
) -> None:
    """Vertex values at the first sample of each `step` x `step` block of samples.

    Where that sample has no owner, the output is left as it is.
    """
    for i in range(out_HWK.shape[0]):
        for j in range(out_HWK.shape[1]):
            t = owner_HW[i * step, j * step]
            if t < 0:
                continue
            a, b, c = triangles_T3[t, 0], triangles_T3[t, 1], triangles_T3[t, 2]
            w = weights_at(screen_V3, a, b, c, j * step + 0.5, i * step + 0.5)
            for k in range(values_VK.shape[1]):
                out_HWK[i, j, k] = w[0] * values_VK[a, k] + w[1] * values_VK[b, k] + w[2] * values_VK[c, k]
