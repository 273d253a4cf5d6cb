"""From latents of one portrait's frames to pictures: the codec's own, or the portrait moved by its points.

F frame, C channel, H row, W column, M motion value, K point of the mesh, A side of the layout.
"""

from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from datamodules.face_space.mesh import face_frame, face_mesh, from_frame, in_frame
from datamodules.head_motion import MESH_TO_IBUG, NOSE_TIP
from lightning_modules.interfaces import Composed, Portrait
from lightning_modules.video.codecs import keep_detail
from lightning_modules.video.head_warp import warp_head
from lightning_modules.video.portrait_codec import PortraitCodec, portrait_of


class Canvas(Protocol):
    """What generation asks of it.

    Attributes:
        portrait: latent (1, C, h, w) of the portrait, or what is said of it.
        places: where in the face the cells lie (1, 1, P, h, w); None for the denoiser's own idea.
    """

    portrait: Tensor

    @property
    def places(self) -> Tensor | None: ...

    def base(self, motion_BFM: Tensor) -> Tensor:
        """The portrait's latent (1, F or 1, C, h, w) as the denoiser is told it."""
        ...

    def denoiser_motion(self, motion_BFM: Tensor) -> Tensor:
        """Of the head's motion, what the denoiser is told."""
        ...

    def frames(self, x0_FCHW: Tensor, base_FCHW: Tensor, motion_BFM: Tensor) -> Tensor:
        """Pictures (F, 3, H, W) uint8 of what the diffusion made."""
        ...


class PictureCanvas:
    """Latents of whole pictures: decoded, with what the codec lost of the portrait given back."""

    places = None

    def __init__(self, model: Composed, picture_13HW: Tensor) -> None:
        self.model, self.picture = model, picture_13HW.to(model.device)
        self.portrait = model.encode_pictures(self.picture)
        self.detail = self.picture.float() / 127.5 - 1 - model.codec.decode(self.portrait).float()

    def base(self, motion_BFM: Tensor) -> Tensor:
        return self.model.base(self.picture, self.portrait, motion_BFM)

    def denoiser_motion(self, motion_BFM: Tensor) -> Tensor:
        return motion_BFM

    def frames(self, x0_FCHW: Tensor, base_FCHW: Tensor, motion_BFM: Tensor) -> Tensor:
        model = self.model
        z = model.from_residual(x0_FCHW, base_FCHW)
        decoded = model.codec.decode(z.to(model.codec.dtype)).float()
        if model.detail > 0:
            detail = warp_head(self.detail, motion_BFM)[0] if model.follow_head else self.detail
            decoded = keep_detail(decoded, z, base_FCHW, detail, model.detail)
        return ((decoded.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).cpu()


class MovedCanvas:
    """Latents relative to the portrait: its face moves, its head is turned, its background stays."""

    def __init__(self, model: Composed, picture_13HW: Tensor, points_K2: Tensor) -> None:
        from lightning_modules.video.face_warp import FaceWarp

        assert isinstance(model.codec, PortraitCodec)
        self.model, self.codec = model, model.codec
        points_1K2 = points_K2[None].float()
        flat = portrait_of(picture_13HW.cpu().float() / 127.5 - 1, points_1K2)
        self.inputs = Portrait(*(x.to(model.device) for x in (flat.points, flat.flat, flat.fill)))
        self.portrait = self.codec.describe(self.inputs)
        self.places = self.codec.places.to(model.device)
        self.warp = FaceWarp(picture_13HW[0].permute(1, 2, 0).cpu().numpy(), points_K2.float().numpy())
        around = torch.from_numpy(self.warp.around.vertices[len(points_K2) :])
        self.around_own = in_frame(around[None], *face_frame(points_1K2))

    def base(self, motion_BFM: Tensor) -> Tensor:
        return self.portrait[:, None]

    def denoiser_motion(self, motion_BFM: Tensor) -> Tensor:
        """Nothing but how far the eyes are closed: the head is moved afterwards."""
        return torch.cat([torch.zeros_like(motion_BFM[..., :-1]), motion_BFM[..., -1:]], -1)

    def frames(self, x0_FCHW: Tensor, base_FCHW: Tensor, motion_BFM: Tensor) -> Tensor:
        z = x0_FCHW.float() / self.model.latent_gain
        moved, keep, painted = (x.cpu() for x in self.codec.layers(z, self.inputs))
        levels = np.ascontiguousarray((127.5 * (painted + 1 - keep)).permute(0, 2, 3, 1))
        vertices = self._turned(moved, motion_BFM[0].cpu().float())
        pictures = [
            self.warp.frame(v, k, p)
            for v, k, p in zip(vertices.numpy(), keep[:, 0].numpy(), levels, strict=True)
        ]
        return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)

    def _turned(self, moved_FK2: Tensor, motion_FM: Tensor) -> Tensor:
        """Vertices (F, V, 2) in pixels after the head has moved as told."""
        frame = face_frame(self.inputs.points.cpu())
        own_FK2 = in_frame(moved_FK2, *frame)
        face = turn_points(own_FK2, face_mesh().rest[:, 2], motion_FM)
        flat = torch.full((self.around_own.shape[1],), float(face_mesh().rest[:, 2].min()))
        still = self.around_own.expand(len(face), -1, -1)
        share = torch.from_numpy(self.warp.around.follows)[None, :, None]
        around = still + share * (turn_points(still, flat, motion_FM) - still)
        both = torch.cat([face, around], 1)
        return from_frame(both, *frame)


def turn_points(own_FK2: Tensor, depth_K: Tensor, motion_FM: Tensor) -> Tensor:
    """Points in the face's own frame after the head has moved, in the order and units of `HEAD_MOTION`.

    Motion is measured between the pupils and at the tip of the nose: a head is turned about the middle of its
    eyes until the tip has gone as far as told, then rolled, scaled and shifted.
    """
    rest = face_mesh().rest
    eyes = rest[list(MESH_TO_IBUG)][36:48]
    pupils = float((eyes[6:].mean(0) - eyes[:6].mean(0))[:2].norm())
    middle = eyes.mean(0)
    nose = float((rest[MESH_TO_IBUG[NOSE_TIP]] - middle)[2])
    shift_x, shift_y, log_scale, roll, yaw, pitch, _ = motion_FM.T[..., None]
    x, y = (own_FK2 - middle[:2]).unbind(-1)
    z = (depth_K - middle[2]).expand_as(x)
    about_y, about_x = (torch.asin((m * pupils / nose).clamp(-0.6, 0.6)) for m in (yaw, pitch))
    x, z = x * about_y.cos() + z * about_y.sin(), z * about_y.cos() - x * about_y.sin()
    y = y * about_x.cos() + z * about_x.sin()
    scale, cos, sin = log_scale.exp(), roll.cos(), roll.sin()
    x, y = scale * (cos * x - sin * y), scale * (sin * x + cos * y)
    return torch.stack([x + pupils * shift_x, y + pupils * shift_y], -1) + middle[:2]


def canvas_of(model: Composed, picture_3HW: Tensor, points_K2: Tensor | None) -> Canvas:
    """What a model's latents become pictures on.

    Raises:
        ValueError: for a codec that wants to know the portrait's points, and none are given.
    """
    if not model.codec.relative:
        return PictureCanvas(model, picture_3HW[None])
    if points_K2 is None:
        raise ValueError("portrait: this network moves its 478 points, and they are not given")
    return MovedCanvas(model, picture_3HW[None], points_K2)
