"""`moee study`: a network that is watched is not changed, and every study says what was put in."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

from datamodules.batch import EMOTIONS
from evaluation.pages.lines import Line, line_chart
from lightning_modules.emotion.experts import EmotionExperts
from lightning_modules.emotion.label import LabelEncoder
from lightning_modules.interfaces import EmotionCue, EmotionFeatures, EmotionPass, ExpertAnswer, Hints
from moee import cli
from moee.generation import generator
from moee.generation.generator import LoadedGenerator
from moee.studies.gate_probe import GateProbe, over_locations

SIZE, CHUNK, BEFORE = 64, 4, 2


class Latents:
    """A look-up table that everything told passes."""

    def __init__(self) -> None:
        self.table = torch.nn.Parameter(torch.ones(6))

    def __call__(self, features: EmotionFeatures | None, batch: int) -> Tensor:
        if features is None or not features.tokens:
            return torch.full((batch, 1, 2, 6), 0.3)
        return (features.tokens["label"] * self.table).expand(-1, -1, 2, -1)


class Talker:
    """Two sampling steps of a real mixture a chunk; the portrait is lit by what the experts say."""

    emotion_strength, size, chunk = 1.5, SIZE, CHUNK

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.mixture = EmotionExperts({"a": 8, "b": 8}, latent_width=6, inner=4).eval()
        for place in self.mixture.places.values():
            torch.nn.init.normal_(place.to_out.weight)

        self.latent_generator, self.device = Latents(), torch.device("cpu")
        self.emotion_encoders = {"label": LabelEncoder(6, 1, 8)}

    @torch.no_grad()
    def animate(self, reference: Tensor, sound: Tensor, cue: EmotionCue, **_: object) -> Iterator[Tensor]:
        told = cue.label if cue.label is not None else cue.action_units[:, :6]  # type: ignore[index]
        latent, null = told[None, :, None, :6].expand(1, -1, 2, -1), self.latent_generator(None, 1)
        noise = torch.Generator().manual_seed(1)
        for start in range(0, len(sound) // 640, CHUNK):
            frames = min(CHUNK, len(sound) // 640 - start) + (BEFORE if start else 0)
            light = torch.zeros(frames)
            for _step in range(2):
                palette = None if cue.palette is None else cue.palette[None]
                emotion = EmotionPass(self.mixture, latent, palette, null, self.emotion_strength)
                for place in ("a", "b"):
                    x = torch.randn(1, frames, 5, 8, generator=noise)
                    light += emotion.added(place, x)[0].mean((1, 2))
            made = reference.float() + 60 * light[:, None, None, None]
            yield made.clamp(0, 255).byte()[-min(CHUNK, len(sound) // 640 - start) :]


def told(emotion: str) -> EmotionCue:
    return EmotionCue(label=torch.tensor([[float(name == emotion) for name in EMOTIONS]]))


def made(network: Talker, probe: GateProbe | None = None, emotion: str = "sad") -> Tensor:
    portrait = torch.full((3, SIZE, SIZE), 120, dtype=torch.uint8)
    chunks = network.animate(portrait, torch.zeros(6 * 640), told(emotion))
    return torch.cat(list(chunks if probe is None else probe.watch(chunks)))


def test_watching_changes_nothing_and_reads_every_frame() -> None:
    network = Talker()
    before = made(network)
    with GateProbe(network) as probe:
        assert torch.equal(made(network, probe), before)
    assert probe.global_gates.keys() == {"a", "b"}
    for gates in (*probe.global_gates.values(), *probe.local_gates.values()):
        assert gates.shape == (6, 6)
    assert torch.allclose(over_locations(probe.global_gates).sum(1), torch.ones(6), atol=1e-5)
    assert all(((g > 0) & (g < 1)).all() for g in probe.local_gates.values())
    assert not network.mixture._forward_hooks  # it is gone with its context
    assert torch.equal(made(network), before)


def test_the_gates_kept_are_those_of_the_emotion_not_of_the_other_side() -> None:
    """The null latent opens the gates elsewhere; a mean over both would lie between."""
    network, seen = Talker(), []

    def note(mixture: object, given: tuple, output: ExpertAnswer) -> None:
        if given[0] == "a" and not torch.equal(given[2], network.latent_generator(None, 1)):
            seen.append(output.weight[0].expand(given[1].shape[1], -1))

    handle = network.mixture.register_forward_hook(note)
    with GateProbe(network) as probe:
        made(network, probe)
    handle.remove()
    assert len(seen) == 4  # two chunks of two steps
    wanted = torch.cat([torch.stack(seen[:2]).mean(0)[-4:], torch.stack(seen[2:]).mean(0)[-2:]])
    torch.testing.assert_close(probe.global_gates["a"], wanted)


@torch.no_grad()
def test_an_expert_left_out_is_missing_from_the_sum_and_nothing_else_is() -> None:
    network = Talker()
    mixture = network.mixture
    x, latent, null = torch.randn(1, 3, 5, 8), torch.ones(1, 1, 2, 6), network.latent_generator(None, 1)
    asked = mixture("a", x, latent, Hints())
    whole, weight = asked.added, asked.weight
    alone = mixture.contributions("a", x, latent, weight)
    with GateProbe(network, without=2):
        without = mixture("a", x, latent, Hints())
        nothing = mixture("a", x, null, Hints()).added
    torch.testing.assert_close(without.added, alone[[0, 1, 3, 4, 5]].sum(0), atol=1e-5, rtol=1e-4)
    assert torch.equal(without.weight, weight)
    assert not torch.allclose(nothing, mixture("a", x, null, Hints()).added)  # on both sides
    torch.testing.assert_close(mixture("a", x, latent, Hints()).added, whole)


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Talker:
    talker = Talker()
    loaded = LoadedGenerator(talker, Path("talker.safetensors"), "0" * 64)
    monkeypatch.setattr(generator, "load_generator", lambda *_: loaded)
    return talker


def asked(study: str, out: Path, *more: str) -> dict:
    given = ["study", study, "--clips", "2", "--frames", "5", "--steps", "1", *more, "--out", str(out)]
    assert cli.main(given) == 0
    return json.loads(out.read_text())


@pytest.mark.slow
def test_experts(network: Talker, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    found = asked("experts", tmp_path / "e.json")
    said = capsys.readouterr().out
    assert "probability of the asked emotion lost" in said
    assert "palette_obedience" in said
    bars = found["findings"]
    assert bars["palette_obedience"]["n"] == bars["latent_persistence"]["n"] == 12
    assert bars["table_share"]["value"] == 1.0  # all that this network is told passes its table
    assert bars["regional_compounds"] is None  # its labels are of whole faces
    assert bars["gate_entropy"].keys() == {"a", "b"}
    assert bars["bars"]["palette_obedience"].startswith("at least 0.60, ")
    attribution = found["findings"]["attribution"]
    assert attribution["emotions"] == ["happy", "sad"]
    assert attribution["experts"] == list(EMOTIONS)
    assert found["findings"]["gates"]["global"]["sad"]["fear"]["n"] == 1
    assert len(found["findings"]["timelines"]["local"]["happy"]) == 5
    assert found["judges"]["embedded-judge"]["published"] is False
    assert found["system"]["checkpoint_sha256"] == "0" * 64
    page = (tmp_path / "e.html").read_text()
    assert page.count("<svg") == 4  # two emotions, two kinds of gate
    assert "http" not in page.replace("http-equiv", "")
    again = asked("experts", tmp_path / "again.json")
    assert again["sha256"] == found["sha256"]
    assert again["created"]


@pytest.mark.slow
def test_dose(network: Talker, tmp_path: Path) -> None:
    found = asked("dose", tmp_path / "d.json")["findings"]
    assert found["doses"] == [0, 0.25, 0.5, 0.75, 1]
    responses = found["responses"]
    assert set(responses) == {
        "emotion asked, seen",
        "the same, true renderings",
        "emotion asked, gate of its expert",
        "unit asked, seen",
        "the same unit, true renderings",
    }
    assert responses["the same, true renderings"]["slope"] > 0.3  # the judge sees a true dose
    assert responses["emotion asked, gate of its expert"]["people"] == 2
    assert found["by_emotion"].keys() == {"happy", "sad"}
    assert "<svg" in (tmp_path / "d.html").read_text()


@pytest.mark.slow
def test_disentanglement(network: Talker, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    found = asked("disentanglement", tmp_path / "m.json")["findings"]
    matrix = found["matrix"]
    assert matrix["pairs"] == {"emotion": 12, "audio": 6, "identity": 6}
    assert matrix["moved"]["audio"]["identity"] == 0  # this network does not listen
    assert matrix["moved"]["identity"]["identity"] > matrix["moved"]["emotion"]["identity"]
    assert found["selectivity"]["identity"]["factor"] == "identity"
    assert not (tmp_path / "m.html").exists()
    assert "own share" in capsys.readouterr().out


@pytest.mark.slow
def test_drift(network: Talker, tmp_path: Path) -> None:
    found = asked("drift", tmp_path / "t.json", "--seconds", "2")["findings"]
    identity = found["identity to the portrait"]
    assert identity["made"]["seconds"] == [0.5, 1.5]
    assert abs(identity["true"]["slope"]) < 0.1
    assert found["lip opening error"]["made"]["mean"][0] > found["lip opening error"]["true"]["mean"][0]
    assert (tmp_path / "t.html").read_text().count("<svg") == 5


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["dose", "--clips", "0"], "--clips 0: at least 1"),
        (["drift", "--seconds", "1"], "--seconds 1: from 2"),
        (["drift", "--seconds", "inf"], "--seconds inf: from 2"),
        (["dose", "--out", "page.html"], "--out page.html: name the JSON file"),
        (["disentanglement", "--clips", "1"], "--clips 1: at least 2 people"),
    ],
)
def test_what_cannot_be_asked_is_one_line(network, capsys, options: list[str], said: str) -> None:
    assert cli.main(["study", *options]) == 1
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_a_network_without_experts_has_none_to_leave_out(network: Talker, capsys) -> None:
    network.mixture = EmotionExperts({"a": 8}, latent_width=6, experts=1)
    assert cli.main(["study", "experts"]) == 1
    assert "no mixture of six experts" in capsys.readouterr().err


def test_a_chart_has_gaps_bands_and_words() -> None:
    line = Line("made", [0, 1, 2, 3], [0.0, 1.0, None, 0.5], [(0, 0.1), (0.9, 1.1), None, None], 3)
    svg = line_chart([line], "A & B", "time", "height")
    assert svg.count("<polyline") == 1
    assert svg.count("<circle") == 1  # a number alone between gaps
    assert svg.count("<polygon") == 1
    assert "A &amp; B" in svg
    assert "made: 0 at 0, 1 at 1, 0.5 at 3" in svg
    with pytest.raises(ValueError, match="no numbers to draw"):
        line_chart([Line("x", [0.0], [None])], "t", "x", "y")
