"""Small ICC profiles (version 2) made of their definition, and what colours in them are in sRGB."""

import struct

import numpy as np

D50 = np.array([0.9642, 1.0, 0.8249])
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
D65_XY, D50_XY = (0.3127, 0.3290), (0.3457, 0.3585)
# Name -> chromaticities of red, green and blue, the white point, and the gamma (of sRGB: its curve).
SPACES = {
    "adobe": (((0.64, 0.33), (0.21, 0.71), (0.15, 0.06)), D65_XY, 563 / 256),
    "prophoto": (((0.7347, 0.2653), (0.1596, 0.8404), (0.0366, 0.0001)), D50_XY, 1.8),
    "p3": (((0.68, 0.32), (0.265, 0.69), (0.15, 0.06)), D65_XY, 2.2),
    "bt2020": (((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)), D65_XY, 2.4),
    "srgb": (((0.64, 0.33), (0.30, 0.60), (0.15, 0.06)), D65_XY, None),
}


def _xyz(xy: tuple[float, float]) -> np.ndarray:
    return np.array([xy[0] / xy[1], 1.0, (1 - xy[0] - xy[1]) / xy[1]])


def to_d50(name: str) -> np.ndarray:
    """Linear RGB to XYZ under D50 (3, 3), adapted after Bradford."""
    primaries, white_xy, _ = SPACES[name]
    columns, white = np.stack([_xyz(xy) for xy in primaries], 1), _xyz(white_xy)
    matrix = columns * np.linalg.solve(columns, white)
    scale = np.diag((BRADFORD @ D50) / (BRADFORD @ white))
    return np.linalg.inv(BRADFORD) @ scale @ BRADFORD @ matrix


def srgb_of_xyz(xyz_d50: np.ndarray) -> np.ndarray:
    """XYZ under D50 (..., 3) to sRGB in 0..255, clipped."""
    linear = np.clip(xyz_d50 @ np.linalg.inv(to_d50("srgb")).T, 0, 1)
    return 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def srgb_value(name: str, rgb: tuple[int, int, int]) -> np.ndarray:
    """The sRGB value (3,) in 0..255 of an 8-bit colour of a space with a plain gamma."""
    return srgb_of_xyz((np.array(rgb) / 255) ** SPACES[name][2] @ to_d50(name).T)


def srgb_of_lab(lab: tuple[float, float, float]) -> np.ndarray:
    """The sRGB value (3,) in 0..255 of a CIE Lab colour under D50."""
    fy = (lab[0] + 16) / 116
    f = np.array([fy + lab[1] / 500, fy, fy - lab[2] / 200])
    return srgb_of_xyz(D50 * np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29)))


def rgb_profile(name: str) -> bytes:
    """A matrix profile of a space of `SPACES` with a plain gamma."""
    matrix, gamma = to_d50(name), SPACES[name][2]
    curve = b"curv" + struct.pack(">4xIH", 1, round(gamma * 256))
    tags = {f"{letter}XYZ": _xyz_tag(matrix[:, i]) for i, letter in enumerate("rgb")}
    tags |= {f"{letter}TRC": curve for letter in "rgb"}
    return _profile(b"RGB ", b"XYZ ", tags)


def cmyk_profile(paper: tuple[int, int, int], inks: dict[str, tuple[int, int, int]]) -> bytes:
    """A profile whose 16 corners are the 8-bit Lab of inks: L of 255, a and b plus 128; mixed by minimum."""
    corners = []
    for corner in range(16):
        colours = [inks[ink] for bit, ink in zip((8, 4, 2, 1), "cmyk", strict=True) if corner & bit]
        corners.append(min(colours, default=paper))
    table = b"mft1" + bytes(4) + bytes([4, 3, 2, 0])
    table += struct.pack(">9i", *(65536 if i % 4 == 0 else 0 for i in range(9)))
    table += bytes(range(256)) * 4 + bytes(np.array(corners, np.uint8)) + bytes(range(256)) * 3
    return _profile(b"CMYK", b"Lab ", {"A2B0": table})


def _xyz_tag(xyz: np.ndarray) -> bytes:
    return b"XYZ " + struct.pack(">4x3i", *(round(value * 65536) for value in xyz))


def _profile(space: bytes, connection: bytes, tags: dict[str, bytes]) -> bytes:
    text = b"desc" + struct.pack(">4xI", 5) + b"made\0" + bytes(78)
    tags = {"desc": text, "cprt": b"text\0\0\0\0none\0", "wtpt": _xyz_tag(D50), **tags}
    start, table, body = 132 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for name, data in tags.items():
        table += name.encode() + struct.pack(">II", start + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    device = b"prtr" if space == b"CMYK" else b"mntr"
    head = struct.pack(">I4xI", start + len(body), 0x02400000) + device + space + connection
    head += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28)
    head += struct.pack(">3i", *(round(value * 65536) for value in D50))
    return head.ljust(128, b"\0") + table + body
