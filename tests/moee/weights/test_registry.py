"""The registry: lookup order, trust by sha256, fetching that is asked for."""

import hashlib
import io
import urllib.request
from dataclasses import replace

import pytest

from moee import cli
from moee.weights import registry

CONTENT = b"weights of a network" * 50
NETWORK = registry.Network(
    "net",
    "net.bin",
    hashlib.sha256(CONTENT).hexdigest(),
    len(CONTENT),
    "MIT",
    "tests",
    "memory://net",
    ("old.bin",),
)


@pytest.fixture(autouse=True)
def known_network(monkeypatch, tmp_path):
    monkeypatch.setattr(registry, "PUBLISHED", (NETWORK,))
    monkeypatch.setattr(registry, "SHIPPED_FOLDER", tmp_path / "package")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("MOEE_WEIGHTS", raising=False)


@pytest.fixture
def network(monkeypatch):
    """Serves `content` in place of the network."""

    def serve(content):
        monkeypatch.setattr(urllib.request, "urlopen", lambda request, timeout: io.BytesIO(content))

    return serve


def test_what_is_nowhere_says_how_to_get_it():
    with pytest.raises(FileNotFoundError, match=r"moee weights fetch net.*net\.bin.*MOEE_WEIGHTS"):
        registry.find("net")


def test_the_named_folder_goes_before_the_cache(monkeypatch, tmp_path):
    named, cache = tmp_path / "named", registry.cache_folder()
    for folder in (named, cache):
        folder.mkdir(parents=True)
        (folder / "net.bin").write_bytes(CONTENT)
    assert registry.find("net") == cache / "net.bin"
    monkeypatch.setenv("MOEE_WEIGHTS", str(named))
    assert registry.find("net") == named / "net.bin"


@pytest.mark.parametrize("name", ["net", "net.bin", "old.bin"])
def test_file_names_and_former_names_work_too(monkeypatch, tmp_path, name):
    (tmp_path / "old.bin").write_bytes(CONTENT)
    monkeypatch.setenv("MOEE_WEIGHTS", str(tmp_path))
    assert registry.find(name) == tmp_path / "old.bin"


def test_another_content_is_refused(monkeypatch, tmp_path):
    (tmp_path / "net.bin").write_bytes(CONTENT + b"!")
    monkeypatch.setenv("MOEE_WEIGHTS", str(tmp_path))
    with pytest.raises(ValueError, match="not the registered net: sha256"):
        registry.find("net")


def test_unknown_names_suggest_the_nearest():
    with pytest.raises(ValueError, match="did you mean 'net'"):
        registry.find("nett")


def test_fetching_checks_and_then_names_the_file(network):
    network(CONTENT)
    path = registry.fetch("net")
    assert path == registry.cache_folder() / "net.bin"
    assert path.read_bytes() == CONTENT
    network(b"never read")
    assert registry.fetch("net") == path


@pytest.mark.parametrize("content", [CONTENT[:-1], CONTENT + b"x" * 10_000_000, b""])
def test_a_wrong_download_leaves_nothing(network, content):
    network(content)
    with pytest.raises(ValueError, match="not the registered"):
        registry.fetch("net")
    assert not list(registry.cache_folder().iterdir())


def test_what_is_got_by_hand_is_never_fetched(network, monkeypatch, tmp_path, capsys):
    hand = replace(NETWORK, name="hand", file="hand.bin", sha256=None, aliases=(), by_hand="ask its author")
    monkeypatch.setattr(registry, "PUBLISHED", (NETWORK, hand))
    network(CONTENT)
    with pytest.raises(ValueError, match="hand is not fetched: ask its author"):
        registry.fetch("hand")
    with pytest.raises(FileNotFoundError, match=r"is not here: ask its author, or put hand\.bin into"):
        registry.find("hand")
    assert cli.main(["weights", "fetch"]) == 0
    assert "hand: left out, ask its author" in capsys.readouterr().out
    monkeypatch.setenv("MOEE_WEIGHTS", str(tmp_path))
    (tmp_path / "hand.bin").write_bytes(b"any")
    assert registry.find("hand") == tmp_path / "hand.bin"
    assert cli.main(["weights", "verify", "hand"]) == 0
    assert "not checked: its sha256 is not known" in capsys.readouterr().out


def test_first_digits_are_checked_where_no_more_is_known(monkeypatch, network):
    short = replace(NETWORK, sha256=hashlib.sha256(CONTENT).hexdigest()[:10], size_bytes=0)
    monkeypatch.setattr(registry, "PUBLISHED", (short,))
    network(CONTENT + b"!")
    with pytest.raises(ValueError, match="not the registered net"):
        registry.fetch("net")
    network(CONTENT)
    assert registry.fetch("net") == registry.find("net")


def test_what_ships_is_listed_and_checked(tmp_path, capsys):
    package = tmp_path / "package"
    package.mkdir()
    for name in ("ours.bin", "elsewhere.bin"):
        (package / name).write_bytes(CONTENT)
    registry.register(package / "ours.bin", "ours", "Apache-2.0", "tests")
    registry.register(package / "ours.bin", "ours", "Apache-2.0", "tests, entered again")
    assert [network.purpose for network in registry.shipped()] == ["tests, entered again"]
    with pytest.raises(ValueError, match="does not lie in"):
        registry.register(tmp_path / "elsewhere.bin", "elsewhere", "MIT", "tests")
    assert registry.find("ours") == package / "ours.bin"
    assert cli.main(["weights", "list"]) == 0
    assert cli.main(["weights", "verify", "ours"]) == 0
    assert cli.main(["weights", "verify"]) == 1
    assert "moee weights fetch net" in capsys.readouterr().out
    (package / "ours.bin").unlink()
    with pytest.raises(FileNotFoundError, match="install moee-suite again"):
        registry.find("ours")


def test_the_real_registry_is_well_formed(monkeypatch):
    monkeypatch.undo()
    names = [network.name for network in registry.networks()]
    assert len(names) == len(set(names))
    for network in registry.networks():
        assert network.by_hand if network.sha256 is None else len(network.sha256) in (8, 10, 64)
        assert network.address is None or network.address.startswith("https://")
        if network.address is None:
            assert registry.find(network.name).stat().st_size == network.size_bytes
    # 40e6 again once the network of the older world goes
    assert sum(network.size_bytes for network in registry.shipped()) <= 60e6


def test_no_name_means_two_registered_networks(monkeypatch):
    monkeypatch.undo()
    names = [name for network in registry.networks() for name in set(registry._names(network))]
    assert [name for name in names if names.count(name) > 1] == []
    assert not registry.is_registered("model")  # what several published files are called
