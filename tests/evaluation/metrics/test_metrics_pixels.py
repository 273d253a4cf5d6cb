import hashlib
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch

from evaluation.extractors.published.lpips_network import load_lpips
from evaluation.metrics import Lpips, Psnr, Ssim, SsimUniform
from evaluation.metrics.pictures.perceptual import BY_NETWORK, lpips_frames
from evaluation.metrics.pictures.psnr import psnr_frames
from evaluation.metrics.pictures.ssim import ssim_frames


@pytest.fixture
def pair() -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(7)
    rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    y, x = np.mgrid[:64, :64]
    a = np.stack(
        [
            127.5 + 100 * np.sin(x / 7) * np.cos(y / 9),
            127.5 + 90 * np.sin((x + y) / 11),
            127.5 + 80 * np.cos(x / 5),
        ],
        axis=-1,
    )
    b = np.clip(a + rng.normal(0, 12, a.shape), 0, 255)
    a, b = (np.rint(z).astype(np.uint8) for z in (a, b))
    assert hashlib.sha256(a.tobytes() + b.tobytes()).hexdigest()[:16] == "dbf9d5906d396753"
    return tuple(torch.from_numpy(z).permute(2, 0, 1)[None].contiguous() for z in (a, b))


def test_psnr_of_the_reference_pair(pair):
    assert psnr_frames(*pair).item() == pytest.approx(26.568204577112503, abs=1e-9)


def test_psnr_is_the_mean_over_frames_and_capped_for_equal_frames(pair):
    a, b = pair
    metric = Psnr()
    metric.update(torch.cat([a, a]), torch.cat([a, b]))
    assert metric.compute().item() == pytest.approx((100 + 26.568204577112503) / 2)


def test_ssim_of_the_reference_pair(pair):
    assert ssim_frames(*pair).item() == pytest.approx(0.7125860022212107, abs=1e-9)


def test_ssim_of_the_reference_pair_with_the_uniform_window(pair):
    assert ssim_frames(*pair, window="uniform").item() == pytest.approx(0.780822712243955, abs=1e-9)
    metric = SsimUniform()
    metric.update(*pair)
    assert metric.compute().item() == pytest.approx(0.780822712243955, abs=1e-9)


def test_mean_squared_error_of_the_reference_pair(pair):
    a, b = (x.double() for x in pair)
    assert (a - b).square().mean().item() == pytest.approx(143.30452473958334, rel=1e-12)


def test_torchmetrics_differs_by_its_borders_alone(pair):
    peer = pytest.importorskip("torchmetrics.functional.image")
    a, b = (x.double() for x in pair)
    found, map_F3HW = peer.structural_similarity_index_measure(a, b, data_range=255, return_full_image=True)
    assert found.item() == pytest.approx(0.7029554593369419, abs=1e-6)
    interior = map_F3HW[..., 5:-5, 5:-5].mean().item()
    assert ssim_frames(*pair).item() == pytest.approx(interior, abs=1e-6)


def test_noise_lowers_both_windows(pair):
    a, _ = pair
    g = torch.Generator().manual_seed(0)
    noise = torch.randn(a.shape, generator=g)
    for window in ("gaussian", "uniform"):
        spoiled = [(a + level * noise).clamp(0, 255) for level in (0, 4, 16, 48)]
        values = [ssim_frames(x, a.float(), window=window).item() for x in spoiled]
        assert values[0] == pytest.approx(1)
        assert values == sorted(values, reverse=True)


def test_ssim_of_constants():
    black, white = torch.zeros(1, 3, 16, 16), torch.ones(1, 3, 16, 16)
    assert ssim_frames(black, white, data_range=1.0).item() == pytest.approx(9.999000099990664e-05, rel=1e-9)
    assert psnr_frames(black, white, data_range=1.0).item() == 0


def test_pixels_agree_with_scikit_image():
    peer = pytest.importorskip("skimage.metrics")
    rng = np.random.default_rng(3)
    a, b = (torch.from_numpy(rng.integers(0, 256, (2, 3, 24, 40), dtype=np.uint8)) for _ in range(2))
    for i in range(2):
        x, y = a[i].permute(1, 2, 0).numpy(), b[i].permute(1, 2, 0).numpy()
        wanted = peer.structural_similarity(
            x,
            y,
            channel_axis=-1,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            data_range=255,
        )
        assert ssim_frames(a, b)[i].item() == pytest.approx(wanted, abs=1e-9)
        plain = peer.structural_similarity(x, y, channel_axis=-1, data_range=255)
        assert ssim_frames(a, b, window="uniform")[i].item() == pytest.approx(plain, abs=1e-9)
        assert psnr_frames(a, b)[i].item() == pytest.approx(
            peer.peak_signal_noise_ratio(x, y, data_range=255)
        )


def test_no_frames_give_no_number():
    nothing = torch.zeros(0, 3, 16, 16, dtype=torch.uint8)
    for metric in (Psnr(), Ssim(), SsimUniform()):
        metric.update(nothing, nothing)
        assert metric.compute().isnan()


def test_shapes_that_differ_are_refused():
    with pytest.raises(ValueError, match=r"PSNR.*\(1, 3, 8, 8\).*\(1, 3, 9, 9\)"):
        psnr_frames(torch.zeros(1, 3, 8, 8), torch.zeros(1, 3, 9, 9))
    with pytest.raises(ValueError, match="window is 11 pixels"):
        ssim_frames(torch.zeros(1, 3, 8, 8), torch.zeros(1, 3, 8, 8))
    with pytest.raises(ValueError, match="window is 7 pixels"):
        ssim_frames(torch.zeros(1, 3, 6, 9), torch.zeros(1, 3, 6, 9), window="uniform")


def random_trunk(net: str, path: Path) -> Path:
    """LPIPS's trunk under its own names, filled by the rule of the reference cases."""
    lpips = pytest.importorskip("lpips")
    shapes = {
        f"net.{name}": v.shape
        for name, v in lpips.LPIPS(net=net, pnet_rand=True, verbose=False).net.state_dict().items()
    }
    state = {}
    for name, shape in shapes.items():
        drawn = np.random.default_rng(zlib.crc32(name.encode())).standard_normal(tuple(shape))
        value = drawn * np.sqrt(2 / np.prod(shape[1:])) if len(shape) > 1 else np.zeros(tuple(shape))
        state[name] = torch.from_numpy(value).float()
    torch.save(state, path)
    return path


@pytest.fixture
def trunk(tmp_path):
    return random_trunk("alex", tmp_path / "alex.pt")


def reference_images() -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(42)
    noise = (rng.integers(0, 256, (2, 3, 64, 64)) / 127.5 - 1).astype(np.float32)
    y, x = np.mgrid[:64, :64]
    a = 0.2 * noise + 0.6 * np.sin(x / 6)
    b = np.clip(a + 0.3 * np.cos(y / 5), -1, 1)
    return tuple(torch.from_numpy(z).float() for z in (np.clip(a, -1, 1), b))


def test_lpips_of_the_reference_pair(trunk):
    network = load_lpips(trunk)
    a, b = reference_images()
    assert network(a, b).flatten().tolist() == pytest.approx([0.0225254335, 0.0239576884], rel=1e-4)
    halved = network((a + 1) / 2, (b + 1) / 2).flatten().tolist()  # the common mistake: nine times too small
    assert halved == pytest.approx([0.0025025, 0.0026983], rel=1e-3)
    assert network.fingerprint == hashlib.sha256(trunk.read_bytes()).hexdigest()


def test_lpips_agrees_with_torchmetrics(trunk):
    peer = pytest.importorskip("torchmetrics.functional.image.lpips")
    if not hasattr(peer, "_LPIPS"):
        pytest.skip("this torchmetrics keeps its LPIPS elsewhere")
    other = peer._LPIPS(net="alex", pnet_rand=True).eval()
    missing, _ = other.load_state_dict(torch.load(trunk, weights_only=True), strict=False)
    assert not any(name.startswith("net.") for name in missing)
    g = torch.Generator().manual_seed(0)
    a, b = (torch.rand(3, 3, 64, 64, generator=g) * 2 - 1 for _ in range(2))
    with torch.inference_mode():
        wanted = other(a, b).flatten().tolist()
        assert load_lpips(trunk)(a, b).flatten().tolist() == pytest.approx(wanted, rel=1e-5)


def test_lpips_metric_takes_8_bit_frames(trunk):
    network = load_lpips(trunk)
    a, b = (((z + 1) * 127.5).round().to(torch.uint8) for z in reference_images())
    metric = Lpips(network)
    metric.update(a, b)
    assert metric.compute().item() == pytest.approx(lpips_frames(network, a, b).mean().item())
    assert metric.compute().item() == pytest.approx(0.0232, abs=2e-3)


@pytest.mark.slow
def test_lpips_on_vgg_agrees_with_the_lpips_package(tmp_path):
    """Given torchvision's names, as the file that users bring has them; the outsider gets its own."""
    import lpips

    path = random_trunk("vgg", tmp_path / "own.pt")
    own = torch.load(path, weights_only=True)
    other = lpips.LPIPS(net="vgg", pnet_rand=True, verbose=False).eval()
    other.net.load_state_dict({name.removeprefix("net."): x for name, x in own.items()})
    theirs = {f"features.{name.split('.', 2)[2]}": x for name, x in own.items()}
    assert list(theirs)[:3] == ["features.0.weight", "features.0.bias", "features.2.weight"]
    torch.save(theirs | {"classifier.0.weight": torch.zeros(1)}, tmp_path / "vgg16.pth")
    network = load_lpips(tmp_path / "vgg16.pth", "vgg")
    a, b = (((z + 1) * 127.5).round().to(torch.uint8) for z in reference_images())
    metric = BY_NETWORK[network.name](network)
    metric.update(a, b)
    with torch.inference_mode():
        wanted = other(a / 127.5 - 1, b / 127.5 - 1).mean().item()
    assert metric.name == "lpips_vgg"
    assert wanted > 0.001
    assert metric.compute().item() == pytest.approx(wanted, rel=1e-5)
    assert metric.compute().item() != pytest.approx(0.0232, rel=0.1)  # not AlexNet's


def test_a_broken_trunk_gets_one_line(tmp_path):
    (tmp_path / "alex.pth").write_bytes(b"junk\n")
    with pytest.raises(ValueError, match=r"alex\.pth is not a readable weights file"):
        load_lpips(tmp_path / "alex.pth")


def test_lpips_never_downloads(tmp_path):
    with pytest.raises(FileNotFoundError, match="no LPIPS trunk weights"):
        load_lpips(tmp_path / "absent.pt")
    with pytest.raises(ValueError, match="unknown LPIPS trunk"):
        load_lpips(tmp_path / "absent.pt", net="squeeze")
    torch.save({"features.0.weight": torch.zeros(1)}, tmp_path / "other.pt")
    with pytest.raises(ValueError, match="do not fit"):
        load_lpips(tmp_path / "other.pt")
