"""Pictures as a colour-managed reader shows them: upright, in sRGB, over white, reduced while they are read.

H row, W column.
"""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from datamodules.media.container import check_is_file

MAX_PICTURE_PIXELS = 100_000_000
# As Pillow calls them; others, such as EPS, would start programs of their own.
FORMATS = ("PNG", "JPEG", "MPO", "WEBP", "TIFF", "BMP", "GIF", "AVIF", "JPEG2000", "PPM", "TGA", "ICO")
ORIENTATION = 0x0112  # the EXIF tag
FLOAT_OVERSHOOT = 2.0  # float pictures end at 1, 255 or 65535; some of the first kind overshoot
FLAT = ("L", "RGB", "CMYK", "LAB")  # modes that a colour profile speaks of


def load_picture(path: Path, most_side: int | None = None) -> np.ndarray:
    """A picture (H, W, 3) uint8 sRGB, upright by its EXIF tag; transparency is laid over white.

    Args:
        path: a file that Pillow reads, of up to 100 megapixels.
        most_side: longest side in pixels; a larger picture is reduced, a JPEG while it is decoded.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is unreadable, damaged or too large.
    """
    with _opened(path) as image:
        if most_side is not None:
            image.draft(None, _fitted(image.size, most_side))
        image.load()
        upright = ImageOps.exif_transpose(image)
        flat = _eight_bit(upright)
        if most_side is not None and max(flat.size) > most_side:
            flat = flat.resize(_fitted(flat.size, most_side), Image.Resampling.BICUBIC, reducing_gap=3.0)
        return np.asarray(_over_white(_in_srgb(flat)))


def picture_size(path: Path) -> tuple[int, int]:
    """Width and height of a picture as it is shown, read from its header.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is unreadable or too large.
    """
    with _opened(path) as image:
        width, height = image.size
        turned = image.getexif().get(ORIENTATION, 1) in (5, 6, 7, 8)
    return (height, width) if turned else (width, height)


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """The picture before it is decoded; whatever goes wrong with it becomes one line."""
    check_is_file(path)
    too_large = f"at most {MAX_PICTURE_PIXELS // 1_000_000} megapixels are read: make it smaller"
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="PIL")  # what matters of it becomes our line
        try:
            Image.init()
            image = Image.open(path, formats=[kind for kind in FORMATS if kind in Image.OPEN])
        except UnidentifiedImageError:
            raise ValueError(f"{path}: not readable as a picture; give a JPEG, PNG or the like") from None
        except Image.DecompressionBombError:
            raise ValueError(f"{path}: far too many pixels, {too_large}") from None
        except Exception as error:  # a damaged header raises a dozen unrelated kinds
            raise ValueError(f"{path}: {_damage(error)}") from None
        with image:
            if image.width * image.height > MAX_PICTURE_PIXELS:
                raise ValueError(f"{path}: {image.width} x {image.height} pixels, {too_large}")
            try:
                yield image
            except Exception as error:  # so does damaged content
                raise ValueError(f"{path}: {_damage(error)}") from None


def _damage(error: Exception) -> str:
    reason = getattr(error, "strerror", None) or next(iter(str(error).splitlines()), type(error).__name__)
    return f"not readable as a picture, or damaged ({reason})"


def _fitted(size: tuple[int, int], most_side: int) -> tuple[int, int]:
    """Width and height reduced so that the longer is at most `most_side`."""
    share = min(1.0, most_side / max(size))
    return max(1, round(size[0] * share)), max(1, round(size[1] * share))


def _eight_bit(image: Image.Image) -> Image.Image:
    """The picture in a mode of 8 bits a channel that can be resized; palettes become colours."""
    if image.mode.startswith("I;16"):
        values = np.asarray(image).astype(np.uint32)
        return _with_info(Image.fromarray(((values * 255 + 32767) // 65535).astype(np.uint8)), image)
    if image.mode in ("I", "F"):
        values = np.nan_to_num(np.asarray(image, np.float32), posinf=0.0, neginf=0.0)
        white = _white_level(image.mode, float(values.max(initial=0.0)))
        grey = (values * (255 / white)).round().clip(0, 255).astype(np.uint8)
        return _with_info(Image.fromarray(grey), image)
    if image.mode in ("1", "P", "PA", "La", "RGBa", "RGBX", "HSV", "YCbCr"):
        return image.convert("RGBA" if image.has_transparency_data else "RGB")
    return image


def _white_level(mode: str, largest: float) -> float:
    """The value that is white in a picture of 32-bit integers (`I`) or floats (`F`), by its largest value."""
    if mode == "F" and largest <= FLOAT_OVERSHOOT:
        return 1.0
    return 255.0 if largest <= 255 else max(largest, 65535.0) if mode == "F" else 65535.0


def _with_info(grey: Image.Image, source: Image.Image) -> Image.Image:
    grey.info = dict(source.info)
    return grey


def _in_srgb(image: Image.Image) -> Image.Image:
    """The picture in sRGB by its embedded profile; unchanged where there is none that fits its pixels."""
    profile, alpha = image.info.get("icc_profile"), None
    if image.mode in ("RGBA", "LA"):
        alpha = image.getchannel("A")
    if not profile:
        return image
    flat = image.convert({"RGBA": "RGB", "LA": "L"}.get(image.mode, image.mode))
    if flat.mode not in FLAT:
        return image
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), flat.mode, "RGB")
    except (ImageCms.PyCMSError, OSError):
        return image  # a profile of another colour space, or a damaged one: other readers ignore it too
    if _changes_nothing(transform, flat.mode):
        return image
    converted = ImageCms.applyTransform(flat, transform)
    if converted is None:
        return image
    if alpha is not None:
        converted.putalpha(alpha)
    return converted


def _changes_nothing(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    """Whether a profile is sRGB in all but rounding: such pictures keep their exact values."""
    if mode != "RGB":
        return False
    steps = np.arange(0, 256, 15, dtype=np.uint8)
    cube = np.stack(np.meshgrid(steps, steps, steps), -1).reshape(1, -1, 3)
    changed = ImageCms.applyTransform(Image.fromarray(cube), transform)
    return changed is not None and int(np.abs(np.asarray(changed).astype(int) - cube).max()) <= 1


def _over_white(image: Image.Image) -> Image.Image:
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, (255, 255, 255, 255)), rgba).convert("RGB")
    return image.convert("RGB")
