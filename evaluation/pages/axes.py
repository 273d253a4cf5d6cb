"""Where the marks of a picture's axis stand."""

import math


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers within a range, in steps of 1, 2 or 5 times a power of ten."""
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    first = math.ceil(low / step)
    return [round((first + i) * step, 12) for i in range(int(high / step - first + 1e-9) + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 times the powers of ten within a range; powers alone where wide, even steps where narrow."""
    factors = (1, 2, 5) if high / low < 1000 else (1,)
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    marks = [f * 10.0**p for p in powers for f in factors if low <= f * 10.0**p <= high]
    return marks if len(marks) > 2 else ticks(low, high)
