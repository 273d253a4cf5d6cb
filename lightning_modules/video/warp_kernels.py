"""The loops of `face_warp`, compiled by numba. H row, W column, V vertex, T triangle, A side of the layout.

`source` (H, W, 4) tells for each pixel of the frame the place in the portrait that it shows, x then y in
pixels, and its place in the layout, x then y in [0, 1], below 0 where it has none; nan is not decided yet.
"""

import numpy as np

from datamodules.compiled import compiled


@compiled
def place_triangles(moved, vertices, places, triangles, source):
    """Fills `source` from triangles that go from `vertices` (V, 2) to `moved`; later ones lie above."""
    height, width = source.shape[0], source.shape[1]
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ax, ay, bx, by = moved[a, 0], moved[a, 1], moved[b, 0], moved[b, 1]
        cx, cy = moved[c, 0], moved[c, 1]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if abs(area) < 1e-6:
            continue
        left, right = max(int(np.ceil(min(ax, bx, cx))), 0), min(int(np.floor(max(ax, bx, cx))), width - 1)
        top, bottom = max(int(np.ceil(min(ay, by, cy))), 0), min(int(np.floor(max(ay, by, cy))), height - 1)
        flat = places[a, 0] >= 0 and places[b, 0] >= 0 and places[c, 0] >= 0
        for y in range(top, bottom + 1):
            for x in range(left, right + 1):
                u = ((bx - x) * (cy - y) - (by - y) * (cx - x)) / area
                v = ((cx - x) * (ay - y) - (cy - y) * (ax - x)) / area
                w = 1 - u - v
                if u < -1e-5 or v < -1e-5 or w < -1e-5:
                    continue
                source[y, x, 0] = u * vertices[a, 0] + v * vertices[b, 0] + w * vertices[c, 0]
                source[y, x, 1] = u * vertices[a, 1] + v * vertices[b, 1] + w * vertices[c, 1]
                if flat:
                    source[y, x, 2] = u * places[a, 0] + v * places[b, 0] + w * places[c, 0]
                    source[y, x, 3] = u * places[a, 1] + v * places[b, 1] + w * places[c, 1]
                else:
                    source[y, x, 2], source[y, x, 3] = -1, -1


@compiled
def _lid(heights, along):
    """Height of a lid (9 pairs of along, across) at a place along the eye."""
    for i in range(8):
        if along <= heights[2 * i + 2]:
            span = max(heights[2 * i + 2] - heights[2 * i], 1e-6)
            share = min(max((along - heights[2 * i]) / span, 0.0), 1.0)
            return heights[2 * i + 1] + share * (heights[2 * i + 3] - heights[2 * i + 1])
    return heights[17]


@compiled
def draw_eyes(moved, triangles, now, then, inset, source):
    """What shows between the lids: the portrait's eye, turned by the irises' movement, never squeezed.

    `now` and `then` (2, 44) are `eye_frames` of the frame and of the portrait.
    """
    height, width = source.shape[0], source.shape[1]
    for t in range(triangles.shape[0]):
        a, b, c, e = triangles[t, 0], triangles[t, 1], triangles[t, 2], triangles[t, 3]
        ax, ay, bx, by = moved[a, 0], moved[a, 1], moved[b, 0], moved[b, 1]
        cx, cy = moved[c, 0], moved[c, 1]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if area < 1e-6:  # lids that have crossed: nothing shows between them
            continue
        left, right = max(int(np.ceil(min(ax, bx, cx))), 0), min(int(np.floor(max(ax, bx, cx))), width - 1)
        top, bottom = max(int(np.ceil(min(ay, by, cy))), 0), min(int(np.floor(max(ay, by, cy))), height - 1)
        n, p = now[e], then[e]
        unit = max(n[2] * n[2] + n[3] * n[3], 1e-6)
        for y in range(top, bottom + 1):
            for x in range(left, right + 1):
                u = ((bx - x) * (cy - y) - (by - y) * (cx - x)) / area
                v = ((cx - x) * (ay - y) - (cy - y) * (ax - x)) / area
                if u < -1e-5 or v < -1e-5 or u + v > 1 + 1e-5:
                    continue
                along = ((x - n[0]) * n[2] + (y - n[1]) * n[3]) / unit
                across = ((x - n[0]) * n[4] + (y - n[1]) * n[5]) / unit
                centre = max(1 - along * along, 0.0)
                along = min(max(along - centre * (n[6] - p[6]), -0.97), 0.97)
                across -= centre * (n[7] - p[7])
                upper, lower = _lid(p[8:26], along) + inset, _lid(p[26:44], along) - inset
                across = min(max(across, upper), lower) if lower > upper else (upper + lower) / 2
                source[y, x, 0] = p[0] + along * p[2] + across * p[4]
                source[y, x, 1] = p[1] + along * p[3] + across * p[5]
                source[y, x, 2], source[y, x, 3] = -1, -1


@compiled
def put_together(picture, source, keep, painted, atlas, out):
    """The frame: the portrait at its places, times what is kept of it, plus what is painted."""
    height, width = source.shape[0], source.shape[1]
    for y in range(height):
        for x in range(width):
            sx, sy = source[y, x, 0], source[y, x, 1]
            if np.isnan(sx):
                for k in range(3):
                    out[y, x, k] = picture[y, x, k]
                continue
            sx, sy = min(max(sx, 0.0), width - 1.0), min(max(sy, 0.0), height - 1.0)
            x0, y0 = min(int(sx), width - 2), min(int(sy), height - 2)
            fx, fy = sx - x0, sy - y0
            flat = source[y, x, 2] >= 0
            i0, j0, fi, fj, share = 0, 0, 0.0, 0.0, 1.0
            if flat:
                i = min(max(source[y, x, 2] * atlas - 0.5, 0.0), atlas - 1.0)
                j = min(max(source[y, x, 3] * atlas - 0.5, 0.0), atlas - 1.0)
                i0, j0 = min(int(i), atlas - 2), min(int(j), atlas - 2)
                fi, fj = i - i0, j - j0
                share = (keep[j0, i0] * (1 - fi) + keep[j0, i0 + 1] * fi) * (1 - fj) + (
                    keep[j0 + 1, i0] * (1 - fi) + keep[j0 + 1, i0 + 1] * fi
                ) * fj
            for k in range(3):
                value = (picture[y0, x0, k] * (1 - fx) + picture[y0, x0 + 1, k] * fx) * (1 - fy) + (
                    picture[y0 + 1, x0, k] * (1 - fx) + picture[y0 + 1, x0 + 1, k] * fx
                ) * fy
                if flat:
                    value = share * value + (
                        (painted[j0, i0, k] * (1 - fi) + painted[j0, i0 + 1, k] * fi) * (1 - fj)
                        + (painted[j0 + 1, i0, k] * (1 - fi) + painted[j0 + 1, i0 + 1, k] * fi) * fj
                    )
                out[y, x, k] = min(max(round(value), 0), 255)
