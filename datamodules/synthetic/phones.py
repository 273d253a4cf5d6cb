"""The sounds that synthetic words are made of, and how syllables are put together from them."""

from dataclasses import dataclass

LIPS = ("opening", "jaw", "rounding", "spreading", "pressing")


@dataclass(frozen=True)
class Phone:
    """One speech sound: how long, what the source does, where the resonances lie and what the lips do.

    `noise` is (centre Hz, width Hz, level). `lips` are targets in [0, 1] in the order of `LIPS`; `grip` says
    how strongly each phone insists on them against its neighbours (the dominance of Cohen & Massaro 1993).
    """

    kind: str
    seconds: float
    formants: tuple[float, float, float]
    voicing: float
    noise: tuple[float, float, float]
    lips: tuple[float, float, float, float, float]
    grip: float


_QUIET = (2000.0, 1500.0, 0.0)
# Vowel formants after Peterson & Barney (1952, men); consonant loci after Stevens, Acoustic Phonetics (1998).
# Openings are heights between the inner lips, vowels in the order of Fromkin (1964) and Abry & Boe (1986).
# Only lips that close or round come together: other consonants leave them well apart, however high the jaw.
PHONES: dict[str, Phone] = {
    "iy": Phone("vowel", 0.115, (270, 2290, 3010), 1.0, _QUIET, (0.55, 0.26, 0.0, 0.85, 0.0), 1.0),
    "ih": Phone("vowel", 0.085, (390, 1990, 2550), 1.0, _QUIET, (0.58, 0.32, 0.0, 0.5, 0.0), 1.0),
    "eh": Phone("vowel", 0.100, (530, 1840, 2480), 1.0, _QUIET, (0.72, 0.48, 0.0, 0.45, 0.0), 1.0),
    "ae": Phone("vowel", 0.130, (660, 1720, 2410), 1.0, _QUIET, (0.90, 0.72, 0.0, 0.4, 0.0), 1.0),
    "aa": Phone("vowel", 0.135, (730, 1090, 2440), 1.0, _QUIET, (1.00, 0.92, 0.0, 0.0, 0.0), 1.0),
    "ah": Phone("vowel", 0.085, (640, 1190, 2390), 1.0, _QUIET, (0.72, 0.56, 0.0, 0.05, 0.0), 0.9),
    "ao": Phone("vowel", 0.125, (570, 840, 2410), 1.0, _QUIET, (0.70, 0.72, 0.55, 0.0, 0.0), 1.0),
    "uh": Phone("vowel", 0.085, (440, 1020, 2240), 1.0, _QUIET, (0.42, 0.30, 0.6, 0.0, 0.0), 1.0),
    "uw": Phone("vowel", 0.120, (300, 870, 2240), 1.0, _QUIET, (0.22, 0.20, 1.0, 0.0, 0.0), 1.2),
    "er": Phone("vowel", 0.115, (490, 1350, 1690), 1.0, _QUIET, (0.50, 0.32, 0.35, 0.0, 0.0), 0.9),
    "w": Phone("glide", 0.065, (300, 650, 2200), 0.7, _QUIET, (0.06, 0.12, 1.0, 0.0, 0.0), 2.2),
    "y": Phone("glide", 0.060, (280, 2250, 3000), 0.7, _QUIET, (0.42, 0.20, 0.0, 0.6, 0.0), 0.6),
    "r": Phone("glide", 0.065, (340, 1100, 1500), 0.7, _QUIET, (0.30, 0.18, 0.4, 0.0, 0.0), 0.7),
    "l": Phone("glide", 0.065, (360, 1050, 2800), 0.7, _QUIET, (0.50, 0.30, 0.0, 0.15, 0.0), 0.5),
    "m": Phone("nasal", 0.080, (270, 1000, 2200), 0.55, _QUIET, (0.0, 0.06, 0.0, 0.0, 1.0), 7.0),
    "n": Phone("nasal", 0.070, (280, 1600, 2600), 0.55, _QUIET, (0.42, 0.22, 0.0, 0.2, 0.0), 0.6),
    "ng": Phone("nasal", 0.075, (280, 2100, 2700), 0.55, _QUIET, (0.45, 0.2, 0.0, 0.1, 0.0), 0.4),
    "p": Phone("plosive", 0.095, (350, 900, 2200), 0.0, (1100, 1500, 0.55), (0.0, 0.06, 0.0, 0.0, 1.0), 7.0),
    "b": Phone("plosive", 0.080, (250, 900, 2200), 0.22, (900, 1200, 0.35), (0.0, 0.06, 0.0, 0.0, 1.0), 7.0),
    "t": Phone(
        "plosive", 0.085, (350, 1750, 2650), 0.0, (4500, 1800, 0.7), (0.40, 0.16, 0.0, 0.25, 0.0), 0.8
    ),
    "d": Phone(
        "plosive", 0.070, (250, 1750, 2650), 0.22, (4200, 1800, 0.4), (0.42, 0.18, 0.0, 0.2, 0.0), 0.8
    ),
    "k": Phone("plosive", 0.095, (350, 1900, 2300), 0.0, (2200, 900, 0.7), (0.48, 0.26, 0.0, 0.0, 0.0), 0.4),
    "g": Phone("plosive", 0.080, (250, 1900, 2300), 0.22, (2100, 900, 0.4), (0.48, 0.26, 0.0, 0.0, 0.0), 0.4),
    "f": Phone(
        "fricative", 0.090, (350, 1100, 2300), 0.0, (5200, 3500, 0.28), (0.12, 0.06, 0.0, 0.2, 0.3), 3.5
    ),
    "v": Phone(
        "fricative", 0.070, (280, 1100, 2300), 0.5, (5000, 3500, 0.16), (0.12, 0.06, 0.0, 0.2, 0.3), 3.5
    ),
    "th": Phone(
        "fricative", 0.085, (350, 1400, 2550), 0.0, (5800, 3000, 0.2), (0.42, 0.20, 0.0, 0.2, 0.0), 0.9
    ),
    "s": Phone(
        "fricative", 0.105, (350, 1750, 2600), 0.0, (5800, 1300, 0.75), (0.38, 0.12, 0.0, 0.4, 0.0), 1.4
    ),
    "z": Phone(
        "fricative", 0.080, (280, 1750, 2600), 0.45, (5600, 1300, 0.4), (0.38, 0.12, 0.0, 0.4, 0.0), 1.4
    ),
    "sh": Phone(
        "fricative", 0.105, (350, 1850, 2500), 0.0, (3200, 1100, 0.8), (0.35, 0.08, 0.75, 0.0, 0.0), 1.8
    ),
    "h": Phone(
        "fricative", 0.060, (500, 1500, 2500), 0.0, (1500, 1800, 0.25), (0.50, 0.3, 0.0, 0.0, 0.0), 0.1
    ),
    "sil": Phone("silence", 0.100, (500, 1500, 2500), 0.0, _QUIET, (0.02, 0.02, 0.0, 0.0, 0.08), 0.8),
}
NUCLEI = (
    *(("iy",), ("ih",), ("eh",), ("ae",), ("aa",), ("ah",), ("ao",), ("uh",), ("uw",), ("er",)),
    *(("eh", "iy"), ("aa", "iy"), ("ao", "uw"), ("aa", "uw"), ("ao", "iy")),  # diphthongs
)
ONSETS = tuple(
    (name,)
    for name in [
        "w",
        "y",
        "r",
        "l",
        "m",
        "n",
        "p",
        "b",
        "t",
        "d",
        "k",
        "g",
        "f",
        "v",
        "th",
        "s",
        "z",
        "sh",
        "h",
        "m",
        "b",
        "p",
        "w",
    ]
)
ONSETS = (*ONSETS, ("s", "t"), ("p", "l"), ("b", "r"), ("k", "w"), ("t", "r"), ("f", "l"), ())
CODAS = (
    (),
    (),
    (),
    ("n",),
    ("m",),
    ("t",),
    ("s",),
    ("l",),
    ("p",),
    ("k",),
    ("z",),
    ("d",),
    ("ng",),
    ("n", "t"),
)
