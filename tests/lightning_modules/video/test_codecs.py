from pathlib import Path

import pytest
import torch

from lightning_modules.video.codecs import AutoencoderCodec, PatchCodec, keep_detail, principal_patches


def pictures(n: int = 6) -> torch.Tensor:
    g = torch.Generator().manual_seed(0)
    coarse = torch.rand(n, 3, 6, 6, generator=g) * 2 - 1
    return torch.nn.functional.interpolate(coarse, 32, mode="bicubic").clamp(-1, 1)


def test_starts_as_principal_components() -> None:
    image, codec = pictures(), PatchCodec(channels=12, width=8)
    codec.start_from(image)
    mean, vectors, _ = principal_patches(image, 8, 12)
    patches = torch.nn.functional.unfold(image, 8, stride=8).transpose(1, 2)
    expected = (patches - mean) @ vectors.T
    z = codec.encode(image) * codec.scale
    torch.testing.assert_close(z.flatten(2).transpose(1, 2), expected, atol=1e-4, rtol=1e-4)
    assert (vectors @ vectors.T - torch.eye(12)).abs().max() < 1e-5


def test_more_channels_reconstruct_better() -> None:
    image, errors = pictures(), []
    for channels in (2, 8, 32):
        codec = PatchCodec(channels=channels, width=8)
        codec.start_from(image)
        errors.append((codec.decode(codec.encode(image)) - image).square().mean().item())
    assert errors[0] > errors[1] > errors[2]


def test_pictures_must_fit_the_patches() -> None:
    with pytest.raises(ValueError, match="30x32 is no multiple of 8"):
        PatchCodec(width=8).encode(torch.zeros(1, 3, 30, 32))


def test_detail_returns_only_where_the_latent_agrees() -> None:
    codec, image = PatchCodec(channels=4, width=8), pictures(1)
    codec.start_from(pictures())
    z_ref = codec.encode(image)
    detail = image - codec.decode(z_ref)
    same = keep_detail(codec.decode(z_ref), z_ref, z_ref, detail, 0.5)
    torch.testing.assert_close(same, image, atol=1e-5, rtol=0)
    far = z_ref + 10
    assert torch.equal(keep_detail(codec.decode(far), far, z_ref, detail, 0.5), codec.decode(far))
    assert torch.equal(keep_detail(codec.decode(far), far, z_ref, detail, 0.0), codec.decode(far))


@pytest.mark.parametrize("tiny", [True, False])
def test_published_autoencoders_load_from_a_folder(tmp_path: Path, tiny: bool) -> None:
    from diffusers import AutoencoderKL, AutoencoderTiny

    if tiny:
        peer = AutoencoderTiny(
            encoder_block_out_channels=(4, 4), decoder_block_out_channels=(4, 4), num_encoder_blocks=(1, 1),
            num_decoder_blocks=(1, 1),
        )  # fmt: skip
    else:
        peer = AutoencoderKL(
            block_out_channels=(4, 8), down_block_types=["DownEncoderBlock2D"] * 2,
            up_block_types=["UpDecoderBlock2D"] * 2, norm_num_groups=2,
        )  # fmt: skip
    peer.save_pretrained(tmp_path)
    codec = AutoencoderCodec(str(tmp_path), tiny=tiny)
    image = torch.rand(2, 3, 16, 16) * 2 - 1
    z = codec.encode(image)
    assert z.shape == (2, codec.channels, 16 // codec.factor, 16 // codec.factor)
    assert codec.decode(z).shape == image.shape
    assert not any(p.requires_grad for p in codec.parameters())


def test_missing_folder_is_one_line() -> None:
    with pytest.raises(FileNotFoundError, match="no autoencoder in 'nowhere'"):
        AutoencoderCodec("nowhere")
