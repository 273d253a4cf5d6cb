import pytest
import torch
from synthetic_weights import fill

from evaluation.extractors.interface import Extractor, describe
from evaluation.extractors.published.syncnet import SyncNet
from evaluation.signals.mfcc import mfcc


@pytest.fixture(scope="module")
def network() -> SyncNet:
    return fill(SyncNet()).eval().requires_grad_(False)


def frames(count: int, size: int = 224) -> torch.Tensor:
    g = torch.Generator().manual_seed(count)
    return torch.randint(0, 256, (count, 3, size, size), generator=g, dtype=torch.uint8)


def sound(samples: int) -> torch.Tensor:
    return torch.rand(samples, generator=torch.Generator().manual_seed(0)) - 0.5


def test_names_and_parameters(network):
    assert sum(p.numel() for p in network.parameters()) == 13_631_616
    state = network.state_dict()
    for name, shape in {
        "netcnnaud.0.weight": (64, 1, 3, 3),
        "netcnnaud.4.weight": (192, 64, 3, 3),
        "netcnnaud.14.weight": (256, 256, 3, 3),
        "netcnnaud.18.weight": (512, 256, 5, 4),
        "netcnnaud.19.running_var": (512,),
        "netcnnlip.0.weight": (96, 3, 5, 7, 7),
        "netcnnlip.4.weight": (256, 96, 1, 5, 5),
        "netcnnlip.18.weight": (512, 256, 1, 6, 6),
        "netfcaud.3.weight": (1024, 512),
        "netfclip.1.running_mean": (512,),
    }.items():
        assert tuple(state[name].shape) == shape, name


@pytest.mark.slow
def test_windows_of_lips_are_those_of_five_frames_alone(network):
    clip = frames(8)
    found = network.measure(clip)["sync_video"]
    assert found.shape == (3, 1024)  # one fewer than fit
    assert found.dtype == torch.float32
    blue_first = clip.flip(1).float().transpose(0, 1)
    with torch.inference_mode():
        alone = torch.cat([network.lips(blue_first[:, i : i + 5]) for i in range(3)])
    assert (found - alone).abs().max() < 1e-4 * alone.abs().max()
    assert (found[0] - found[1]).abs().max() > 1e-2 * alone.abs().max()


@pytest.mark.slow
def test_many_windows_are_cut_where_batches_end(network, monkeypatch):
    from evaluation.extractors.published import syncnet

    clip, voice = frames(9), sound(640 * 9)
    whole = network.measure(clip)["sync_video"], network.measure_sound(voice)["sync_audio"]
    monkeypatch.setattr(syncnet, "BATCH", 3)
    parts = network.measure(clip)["sync_video"], network.measure_sound(voice)["sync_audio"]
    for a, b in zip(whole, parts, strict=True):
        assert a.shape == b.shape == (4, 1024)
        assert (a - b).abs().max() < 1e-4 * a.abs().max()


@pytest.mark.slow
def test_other_sizes_are_squashed(network):
    small = torch.full((6, 3, 96, 80), 90, dtype=torch.uint8)
    large = torch.full((6, 3, 224, 224), 90, dtype=torch.uint8)
    a, b = (network.measure(z)["sync_video"] for z in (small, large))
    assert (a - b).abs().max() < 1e-4 * b.abs().max()


def test_windows_of_speech_are_twenty_rows_beside_their_frames(network):
    voice = sound(640 * 12)
    found = network.measure_sound(voice)["sync_audio"]
    assert found.shape == (7, 1024)
    rows = mfcc((voice.double() * 32768).round())
    with torch.inference_mode():
        for window in (0, 6):
            view = rows[4 * window : 4 * window + 20].mT.float()[None, None]
            assert torch.allclose(network.speech(view)[0], found[window], rtol=1e-4, atol=1e-3)


def test_a_frame_of_delay_is_a_window(network):
    voice = sound(640 * 30)
    whole = network.measure_sound(voice)["sync_audio"]
    later = network.measure_sound(voice[640 * 3 :])["sync_audio"]
    assert (later[1:] - whole[4:]).abs().max() < 1e-4 * whole.abs().max()


def test_loud_sound_is_cut_as_in_a_file(network):
    loud = sound(640 * 8) * 8
    cut = loud.clamp(-1, 1 - 2**-15)
    assert torch.equal(network.measure_sound(loud)["sync_audio"], network.measure_sound(cut)["sync_audio"])


def test_what_is_too_short_is_refused(network):
    with pytest.raises(ValueError, match="syncnet-v2 needs at least 6 frames, got 5"):
        network.measure(frames(5, 8))
    for voice in (sound(640 * 6 - 1), torch.zeros(2, 6400), torch.full((6400,), torch.nan)):
        with pytest.raises(ValueError, match="needs finite mono sound of at least 3840 samples at 16 kHz"):
            network.measure_sound(voice)
    assert network.measure_sound(sound(640 * 6))["sync_audio"].shape == (1, 1024)


def test_loading_and_what_a_result_records(network, tmp_path):
    torch.save(network.state_dict(), tmp_path / "syncnet_v2.model")
    loaded = SyncNet.load(tmp_path / "syncnet_v2.model")
    assert torch.equal(loaded.netfclip[3].weight, network.netfclip[3].weight)
    assert isinstance(loaded, Extractor)
    assert not loaded.training
    assert describe(loaded)["settings"]["fps"] == 25
    assert len(loaded.fingerprint) == 64
