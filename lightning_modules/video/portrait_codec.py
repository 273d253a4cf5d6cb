"""Latents relative to a portrait: how its points move, and what colour changes on the face laid out flat.

N picture, K point of the mesh, A side of the layout, C channel of the latent, h row and w column of it.
"""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from datamodules.face_space.mesh import (
    ATLAS,
    EYE_RINGS,
    IRISES,
    at_points,
    face_frame,
    face_mesh,
    from_frame,
    in_frame,
    over_face,
    unwrap,
)
from lightning_modules.interfaces import LatentCodec, Portrait
from lightning_modules.video.codecs import principal_patches
from lightning_modules.video.head_warp import WAVES

# A surface that is this many times larger in the frame than in the portrait begins to be painted anew, and
# is wholly painted anew at the second number.
STRETCH = (2.0, 5.0)
LEAST_AREA = 0.04  # of a texel at rest: below it, two surfaces count as equally hidden
PAINT_SHARE = 0.6  # of colour in the latents against movement, which is what an expression is
RIM = 5  # texels from the outline over which painted colour fades
FILL_SIGMA = 5.0  # texels; what is painted anew starts from the portrait's colours around it


class PortraitCodec(LatentCodec):
    """A frame as the movement of its portrait's points, and the change of colour that movement cannot give.

    Both are fields over the layout of `datamodules.face_space`: displacements in units of the distance of the
    outer eye corners, in the portrait's own frame; colour in [-1, 1] against the portrait carried along. What
    the movement stretches too far (the inside of an opening mouth, the skin of a closing lid) is occluded in
    the portrait: there the colour starts from the portrait's blurred colours instead. Each field has its own
    linear patch transform, its principal components (`start_from`).

    The head's own pose is no part of it: `TalkingHead.animate` moves the head, and training clips keep still.

    Args:
        moving: channels of the displacement.
        painted: channels of the colour.
        factor: texels per latent cell and side, a divisor of 96.
    """

    relative = True

    def __init__(self, moving: int = 8, painted: int = 16, factor: int = 6) -> None:
        super().__init__()
        if ATLAS % factor:
            raise ValueError(f"factor={factor}: divisors of {ATLAS} are allowed")
        self.moving, self.painted, self.factor = moving, painted, factor
        self.channels = moving + painted
        self.movement = nn.Conv2d(2, moving, factor, factor, bias=False)
        self.colour = nn.Conv2d(3, painted, factor, factor, bias=False)
        self.scale: Tensor  # of each channel: latents are divided by it
        self.register_buffer("scale", torch.ones(self.channels, 1, 1))
        self.portrait_scale: Tensor  # likewise, of what is said of a portrait
        self.register_buffer("portrait_scale", torch.ones(self.channels, 1, 1))
        self.window: Tensor
        self.places: Tensor  # of the cells
        with torch.device("cpu"):  # an outline on no device still knows its layout
            self.register_buffer("window", painted_window(), persistent=False)
            self.register_buffer("places", layout_places(ATLAS // factor), persistent=False)

    @torch.no_grad()
    def start_from(self, moved_N2AA: Tensor, colour_N3AA: Tensor, portrait_NCAA: Tensor) -> None:
        """Set both transforms to the principal components of training clips.

        Args:
            moved_N2AA: displacement fields.
            colour_N3AA: changes of colour.
            portrait_NCAA: the five fields of portraits, as `portrait_fields` gives them.
        """
        scales = []
        for layer, fields in ((self.movement, moved_N2AA), (self.colour, colour_N3AA)):
            _, vectors, std = principal_patches(fields, self.factor, layer.out_channels)
            layer.weight.copy_(vectors.view(layer.weight.shape))
            scales.append((std * std[0]).sqrt())  # faint components stay faint, less so than they are
        scales[1] = scales[1] / PAINT_SHARE
        self.scale.copy_(torch.cat(scales)[:, None, None])
        z = self._analyse(portrait_NCAA[:, :2], portrait_NCAA[:, 2:])
        self.portrait_scale.copy_(z.square().mean((0, 2, 3), keepdim=True)[0].sqrt().clamp(min=1e-6))

    def encode(self, image_BCHW: Tensor, portrait: Portrait | None = None) -> Tensor:
        """Latents (N, C, h, w) of faces laid out flat, in [-1, 1], that lay at `portrait.moved` points.

        Args:
            image_BCHW: (N, 3, A, A).
            portrait: of one person, or of as many as there are pictures.

        Raises:
            ValueError: without a portrait that tells its points and the frames'.
        """
        if portrait is None or portrait.moved is None:
            raise ValueError("PortraitCodec.encode: needs the portrait, its points and the frames' points")
        moved_N2AA, colour_N3AA = self.fields(image_BCHW, portrait.moved, portrait)
        return self.analyse(moved_N2AA, colour_N3AA)

    def fields(self, flat_N3AA: Tensor, moved_NK2: Tensor, portrait: Portrait) -> tuple[Tensor, Tensor]:
        """Displacement (N, 2, A, A) and change of colour (N, 3, A, A) of frames."""
        origin, axes = face_frame(portrait.points)
        offset_NK2 = in_frame(moved_NK2, origin, axes) - in_frame(portrait.points, origin, axes)
        start_N3AA = self.carried(moved_NK2, portrait)
        open_N1AA = (self.area(moved_NK2, portrait) / LEAST_AREA).clamp(0, 1)  # nobody sees into shut lips
        colour_N3AA = (flat_N3AA - start_N3AA) * self.window.to(flat_N3AA) * open_N1AA
        return over_face(offset_NK2), colour_N3AA

    def describe(self, portrait: Portrait) -> Tensor:
        """What the denoiser is told of a portrait (N, C, h, w): how its face is built, and its colours."""
        fields_NCAA = self.portrait_fields(portrait)
        return self._analyse(fields_NCAA[:, :2], fields_NCAA[:, 2:]) / self.portrait_scale

    def portrait_fields(self, portrait: Portrait) -> Tensor:
        """How a portrait's face differs from the mean face, and its colours: (N, 5, A, A)."""
        own_NK2 = in_frame(portrait.points, *face_frame(portrait.points))
        built_N2AA = over_face(own_NK2 - face_mesh().rest[:, :2].to(own_NK2))
        return torch.cat([built_N2AA, portrait.flat * self.window.to(portrait.flat)], 1)

    def analyse(self, moved_N2AA: Tensor, colour_N3AA: Tensor) -> Tensor:
        """Latents (N, C, h, w) of the two fields."""
        return self._analyse(moved_N2AA, colour_N3AA) / self.scale

    def _analyse(self, moved_N2AA: Tensor, colour_N3AA: Tensor) -> Tensor:
        dtype = self.movement.weight.dtype
        return torch.cat([self.movement(moved_N2AA.to(dtype)), self.colour(colour_N3AA.to(dtype))], 1)

    def synthesise(self, z_NCHW: Tensor) -> tuple[Tensor, Tensor]:
        """Displacement (N, 2, A, A) and change of colour (N, 3, A, A) of latents."""
        moving, painted = (z_NCHW * self.scale).split([self.moving, self.painted], 1)
        moved_N2AA = functional.conv_transpose2d(moving, self.movement.weight, stride=self.factor)
        colour_N3AA = functional.conv_transpose2d(painted, self.colour.weight, stride=self.factor)
        return moved_N2AA, colour_N3AA * self.window.to(colour_N3AA)

    def decode(self, z_BCHW: Tensor, portrait: Portrait | None = None) -> Tensor:
        """Faces laid out flat (N, 3, A, A), about [-1, 1].

        Raises:
            ValueError: without a portrait.
        """
        if portrait is None:
            raise ValueError("PortraitCodec.decode: needs the portrait")
        _, keep_N1AA, painted_N3AA = self.layers(z_BCHW, portrait)
        return keep_N1AA * portrait.flat + painted_N3AA

    def layers(self, z_NCHW: Tensor, portrait: Portrait) -> tuple[Tensor, Tensor, Tensor]:
        """What frames are put together from.

        Returns:
            Points (N, K, 2) in pixels of the portrait, the share of the portrait (N, 1, A, A) that is kept,
            and what is painted on it (N, 3, A, A).
        """
        moved_N2AA, colour_N3AA = (field.float() for field in self.synthesise(z_NCHW))
        origin, axes = face_frame(portrait.points)
        own_NK2 = in_frame(portrait.points, origin, axes)
        moved_NK2 = from_frame(own_NK2 + at_points(moved_N2AA), origin, axes)
        hidden_N1AA = self.occlusion(moved_NK2, portrait)
        return moved_NK2, 1 - hidden_N1AA, hidden_N1AA * portrait.fill + colour_N3AA

    def carried(self, moved_NK2: Tensor, portrait: Portrait) -> Tensor:
        """The portrait laid out flat (N, 3, A, A), where it shows what the frame does; else its fill."""
        return portrait.flat.lerp(portrait.fill, self.occlusion(moved_NK2, portrait))

    def occlusion(self, moved_NK2: Tensor, portrait: Portrait) -> Tensor:
        """How far the portrait hides what a texel shows (N, 1, A, A): by how much it is stretched."""
        growth = (self.area(moved_NK2, portrait) + LEAST_AREA) / (
            self.area(portrait.points, portrait) + LEAST_AREA
        )
        share = ((growth - STRETCH[0]) / (STRETCH[1] - STRETCH[0])).clamp(0, 1)
        smooth = share.square() * (3 - 2 * share)
        return functional.avg_pool2d(smooth, 3, 1, 1) * self.window.to(smooth)

    @staticmethod
    def area(points_NK2: Tensor, portrait: Portrait) -> Tensor:
        """What each texel covers of the portrait (N, 1, A, A), against a mean texel of a face at rest."""
        rest = face_mesh().rest[None, :, :2].to(points_NK2)
        mean = _areas(over_face(rest)).clamp(min=0).mean()
        own_NK2 = in_frame(points_NK2, *face_frame(portrait.points))
        return _areas(over_face(own_NK2)).clamp(min=0) / mean


def portrait_of(picture_B3HW: Tensor, points_BK2: Tensor, moved_BK2: Tensor | None = None) -> Portrait:
    """A portrait from its picture in [-1, 1] and its points in pixels."""
    return flat_portrait(unwrap(picture_B3HW, points_BK2), points_BK2, moved_BK2)


def flat_portrait(flat_B3AA: Tensor, points_BK2: Tensor, moved_BK2: Tensor | None = None) -> Portrait:
    """A portrait whose picture is laid out flat already."""
    return Portrait(points_BK2, flat_B3AA, _filled(flat_B3AA), moved_BK2)


def _filled(flat_B3AA: Tensor) -> Tensor:
    """The face's colours around each place, nothing from beside the face and none of the eyes."""
    mask = (painted_window() > 0).to(flat_B3AA)[None, None]
    kernel = torch.arange(-int(2 * FILL_SIGMA), int(2 * FILL_SIGMA) + 1, device=flat_B3AA.device)
    kernel = torch.exp(-0.5 * (kernel / FILL_SIGMA) ** 2).to(flat_B3AA)

    def blur(x: Tensor) -> Tensor:
        channels, reach = x.shape[1], len(kernel) // 2
        rows = kernel.view(1, 1, -1, 1).expand(channels, 1, -1, 1)
        x = functional.conv2d(x, rows, padding=(reach, 0), groups=channels)
        return functional.conv2d(x, rows.transpose(2, 3), padding=(0, reach), groups=channels)

    return blur(flat_B3AA * mask) / blur(mask).clamp(min=1e-4)


def _areas(place_N2AA: Tensor) -> Tensor:
    """Signed area that each texel covers (N, 1, A, A), in the square of the places' unit."""
    right = functional.pad(place_N2AA[..., 1:] - place_N2AA[..., :-1], (0, 1, 0, 0), mode="replicate")
    down = functional.pad(place_N2AA[..., 1:, :] - place_N2AA[..., :-1, :], (0, 0, 0, 1), mode="replicate")
    return right[:, :1] * down[:, 1:] - right[:, 1:] * down[:, :1]


def layout_places(cells: int) -> Tensor:
    """Where in the face each cell lies (1, 1, 8, cells, cells), as waves of its place in the layout."""
    place = (torch.arange(cells) + 0.5) / cells - 0.5
    away = torch.stack([place.expand(cells, -1), place[:, None].expand(-1, cells)])
    waves = [f(2 * torch.pi * k * away) for k in WAVES for f in (torch.sin, torch.cos)]
    return torch.cat(waves)[None, None]


def painted_window() -> Tensor:
    """Where colour may be painted (A, A) in [0, 1]: not in the eyes, and softly less towards the outline."""
    mesh = face_mesh()
    inside = mesh.covered.float()[None, None]
    for _ in range(RIM):
        inside = torch.minimum(inside, functional.avg_pool2d(inside, 3, 1, 1))
    eyes = torch.zeros(mesh.covered.numel(), dtype=torch.bool)
    for ring, iris in zip(EYE_RINGS, IRISES, strict=True):
        eyes |= torch.isin(mesh.texel_points, torch.tensor([*ring, *iris])).all(1)
    return cast(Tensor, inside[0, 0] * ~eyes.view(ATLAS, ATLAS))
