"""The rasteriser once more, in plain NumPy: every triangle against every sample."""

import numpy as np


def slow_rasterise(screen, triangles, one_sided, side):
    """Depth (side, side) and owner (side, side) as `raster.rasterise` fills them, without cut-outs."""
    y, x = np.mgrid[0:side, 0:side] + 0.5
    near, owner = np.zeros((side, side)), np.full((side, side), -1)
    for t, (a, b, c) in enumerate(screen[triangles].astype(float)):
        area = (c[0] - a[0]) * (b[1] - a[1]) - (b[0] - a[0]) * (c[1] - a[1])
        if area == 0 or (one_sided[t] and area < 0):
            continue
        wa = ((c[1] - b[1]) * (x - c[0]) + (b[0] - c[0]) * (y - c[1])) / area
        wb = ((a[1] - c[1]) * (x - c[0]) + (c[0] - a[0]) * (y - c[1])) / area
        w = wa * a[2] + wb * b[2] + (1 - wa - wb) * c[2]
        wins = (wa >= 0) & (wb >= 0) & (wa + wb <= 1) & (w > near)
        near[wins], owner[wins] = w[wins], t
    return near, owner
