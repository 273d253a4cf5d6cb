"""The figure of the network, drawn from the shipped network itself: `python docs/architecture.py`.

It animates a few frames and notes what each part gives: names, sizes and shapes are read, not typed.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from datamodules.batch import ACTION_UNITS, SAMPLES_PER_FRAME, parse_blend
from lightning_modules.interfaces import EmotionCue
from moee.generation.generator import load_generator

HERE = Path(__file__).resolve().parent
FRAMES = 4
WIDTH, HEIGHT = 1000, 560
INK, SOFT, PAPER = "#1f2937", "#6b7280", "#ffffff"
COLOURS = {  # kind of part -> fill, edge
    "input": ("#f3f4f6", "#9ca3af"),
    "frozen": ("#e0ecff", "#5b8def"),
    "backbone": ("#e6f4ea", "#4c9f70"),
    "emotion": ("#fdebd8", "#e08a3c"),
}
KEY = {
    "input": "what you give and get",
    "frozen": "trained alone, then frozen",
    "backbone": "stage 1: the picture that speaks",
    "emotion": "stage 2: the emotion",
}


@dataclass(frozen=True)
class Box:
    """A part: its corner, its size, and lines of text, the first of them bold."""

    x: int
    y: int
    w: int
    h: int
    kind: str
    lines: tuple[str, ...]

    def svg(self) -> str:
        fill, edge = COLOURS[self.kind]
        rows = [
            f'<rect x="{self.x}" y="{self.y}" width="{self.w}" height="{self.h}" rx="8" fill="{fill}" '
            f'stroke="{edge}" stroke-width="1.5"/>'
        ]
        top = self.y + (self.h - 18 * len(self.lines)) / 2 + 14
        for number, line in enumerate(self.lines):
            style = f'font-weight="600" fill="{INK}"' if number == 0 else f'font-size="12.5" fill="{INK}"'
            middle = self.x + self.w / 2
            rows.append(
                f'<text x="{middle:g}" y="{top + 18 * number:g}" text-anchor="middle" {style}>'
                f"{escape(line)}</text>"
            )
        return "\n".join(rows)


def arrow(path: str, label: str = "", at: tuple[float, float] = (0, 0), anchor: str = "middle") -> str:
    """A line with a head along an SVG path, and what travels on it."""
    text = ""
    if label:
        place = f'x="{at[0]:g}" y="{at[1]:g}" text-anchor="{anchor}"'
        text = f'<text {place} font-size="12" fill="{SOFT}">{escape(label)}</text>'
    return f'<path d="{path}" fill="none" stroke="{INK}" stroke-width="1.4" marker-end="url(#head)"/>{text}'


def count(part: nn.Module) -> str:
    """Its parameters, in words."""
    number = sum(parameter.numel() for parameter in part.parameters())
    return f"{number / 1e6:.2f} M" if number >= 1e6 else f"{round(number / 1e3)} k"


def shapes_of(network: Any) -> dict[str, tuple[int, ...]]:
    """Part -> the shape of what it gives for a clip of four frames, without the clip's own axis."""
    shapes: dict[str, tuple[int, ...]] = {}

    def watch(name: str, part: nn.Module) -> None:
        def note(_: nn.Module, inputs: object, output: Tensor | dict[str, Tensor]) -> None:
            tensor = next(iter(output.values())) if isinstance(output, dict) else output
            shapes.setdefault(name, tuple(tensor.shape[1:]))

        part.register_forward_hook(note)

    for name in ("reference_net", "speech_features", "latent_generator"):
        watch(name, getattr(network, name))
    sound = torch.randn(FRAMES * SAMPLES_PER_FRAME, generator=torch.Generator().manual_seed(0)) * 0.1
    cue = EmotionCue(parse_blend("happy")[None], "a smile", sound, torch.zeros(1, len(ACTION_UNITS)))
    picture = torch.zeros(3, network.size, network.size, dtype=torch.uint8)
    with torch.no_grad():
        list(network.animate(picture, sound, cue, steps=1))
    return shapes


def parts(network: Any) -> Iterator[Box]:
    """The boxes of the figure, from left to right."""
    size, mixture = network.size, network.mixture
    side = size // network.codec.factor
    yield Box(20, 40, 130, 64, "input", ("portrait", f"3 x {size} x {size}"))
    yield Box(20, 190, 130, 64, "input", ("voice", "16 kHz, any length"))
    yield Box(
        20,
        290,
        130,
        190,
        "input",
        ("emotion", "a label or blend", "a text", "a tone of voice", "action units"),
    )
    yield Box(200, 40, 160, 64, "frozen", (type(network.codec).__name__, f"encode, {count(network.codec)}"))
    reference = network.reference_net
    yield Box(430, 40, 190, 64, "backbone", (type(reference).__name__, count(reference)))
    speech = network.speech_features
    yield Box(200, 190, 160, 64, "frozen", (type(speech).__name__, count(speech)))
    for row, (name, encoder) in enumerate(network.emotion_encoders.items()):
        kind = "frozen" if name in ("text", "speech") else "emotion"
        yield Box(186, 286 + 50 * row, 188, 44, kind, (type(encoder).__name__, count(encoder)))
    latents = network.latent_generator
    yield Box(
        430,
        347,
        190,
        72,
        "emotion",
        (type(latents).__name__, f"{count(latents)}, a table and", "two attentions"),
    )
    experts = (
        type(mixture).__name__,
        f"{mixture.experts} experts, 2 gates",
        f"at {len(mixture.places)} places, {count(mixture)}",
    )
    yield Box(690, 343, 180, 80, "emotion", experts)
    unet = network.denoiser
    latent = f"latents {network.codec.channels} x {side} x {side}"
    yield Box(
        690, 150, 180, 104, "backbone", (type(unet).__name__, count(unet), latent, "a frame, from noise")
    )
    yield Box(690, 40, 180, 64, "frozen", (type(network.codec).__name__, "decode"))
    yield Box(905, 40, 80, 64, "input", ("frames", f"{size} x {size}"))


def arrows(network: Any, shapes: dict[str, tuple[int, ...]]) -> Iterator[str]:
    """The lines of the figure and what travels on them."""
    place_tokens, place_width = shapes["reference_net"]
    _, sound_tokens, sound_width = shapes["speech_features"]
    _, latent_tokens, latent_width = shapes["latent_generator"]
    yield arrow("M150 72 H196")
    yield arrow("M360 72 H426", "latent", (393, 62))
    yield arrow(
        "M525 104 V150 Q525 174 549 174 H686", f"{place_tokens} tokens x {place_width} a place", (607, 166)
    )
    yield arrow("M150 222 H196")
    yield arrow("M360 222 H686", f"{sound_tokens} tokens x {sound_width} a frame", (525, 214))
    for row in range(len(network.emotion_encoders)):
        y = 308 + 50 * row
        yield arrow(f"M150 {y} H182")
        yield arrow(f"M374 {y} C404 {y} 396 383 426 383")
    yield arrow("M620 383 H686", f"{latent_tokens} x {latent_width}", (653, 373))
    yield arrow("M800 343 V258", "added to the tokens", (808, 305), "start")
    yield arrow("M760 254 V339", "tokens", (752, 305), "end")
    yield arrow("M780 150 V108")
    yield arrow("M870 72 H901")


def legend() -> Iterator[str]:
    """What the colours say."""
    for number, (kind, words) in enumerate(KEY.items()):
        fill, edge = COLOURS[kind]
        x = 24 + 242 * number
        yield f'<rect x="{x}" y="508" width="16" height="16" rx="3" fill="{fill}" stroke="{edge}"/>'
        yield f'<text x="{x + 24}" y="521" font-size="13" fill="{INK}">{escape(words)}</text>'


def draw() -> str:
    """The figure as SVG."""
    network: Any = load_generator("generator", "32").network
    body = [*arrows(network, shapes_of(network)), *(box.svg() for box in parts(network)), *legend()]
    total = count(network)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
            'font-family="system-ui, -apple-system, Segoe UI, Roboto, sans-serif" font-size="14">',
            f"<title>The shipped network, {total} parameters</title>",
            '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
            f'orient="auto"><path d="M0 0 L8 4 L0 8 z" fill="{INK}"/></marker></defs>',
            f'<rect width="{WIDTH}" height="{HEIGHT}" rx="12" fill="{PAPER}"/>',
            *body,
            "</svg>",
            "",
        ]
    )


if __name__ == "__main__":
    target = HERE / "architecture.svg"
    target.write_text(draw())
    sys.stdout.write(f"{target}\n")
