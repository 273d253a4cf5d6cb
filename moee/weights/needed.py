"""Which files of published networks a protocol needs, and one line about all that are missing."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from moee.weights.registry import Network, doubt, find, registered

if TYPE_CHECKING:
    from torch import nn

    from evaluation.protocol import Protocol

Trunks = Mapping[str, Path | None]  # short name of a trunk of LPIPS -> its file
NO_TRUNKS: Trunks = MappingProxyType({})
LPIPS = {  # trunk -> metric, registered file
    "alex": ("lpips", "lpips_alexnet"),
    "vgg": ("lpips_vgg", "lpips_vgg16"),
}


def needed(protocol: "Protocol", given: Iterable[str] = (), trunks: Trunks = NO_TRUNKS) -> list[Network]:
    """Registered files of the protocol's published networks, each once.

    Args:
        protocol: whose.
        given: `NAME=FILE` of networks whose own file need not be registered; `NAME` of optional ones whose
            registered file is wanted.
        trunks: the same for LPIPS.
    """
    from evaluation.extractors.catalogue import published

    brought = {name: file for name, _, file in (pair.partition("=") for pair in given)}
    asked = [name for name in protocol.optional_extractors.values() if name in brought]
    names: list[str] = []
    for extractor in (*protocol.extractors.values(), *asked):
        if family := published(extractor):
            names += [*family.beside] if brought.get(extractor) else [family.weights, *family.beside]
    names += [
        file for net, (metric, file) in LPIPS.items() if metric in protocol.metrics and not trunks.get(net)
    ]
    return [registered(name) for name in dict.fromkeys(names)]


def check_weights(protocol: "Protocol", given: Iterable[str] = (), trunks: Trunks = NO_TRUNKS) -> None:
    """Nothing, if all of them are there.

    Raises:
        FileNotFoundError: otherwise; one line with every missing file and how to get it.
        ValueError: for a file that is not the registered one.
    """
    missing = [network for network in needed(protocol, given, trunks) if not _here(network)]
    if missing:
        raise FileNotFoundError(
            f"{protocol.tag} needs {len(missing)} files that are not here: {_how(missing)}"
        )


def _here(network: Network) -> bool:
    try:
        find(network.name)
    except FileNotFoundError:
        return False
    return True


def _how(missing: Iterable[Network]) -> str:
    """What to run, and what to get by hand."""
    fetched = [network.name for network in missing if not network.by_hand]
    ways = [f"run `moee weights fetch {' '.join(fetched)}`"] if fetched else []
    by_hand = [f"{network.file} ({network.by_hand})" for network in missing if network.by_hand]
    if by_hand:
        ways.append(f"get by hand, into a folder named in MOEE_WEIGHTS, {', '.join(by_hand)}")
    return "; ".join(ways)


def trunks_of_lpips(protocol: "Protocol", given: Trunks) -> dict[str, Path]:
    """The given trunks of LPIPS, and the registered ones where every result must have that metric."""
    asked = {
        net: find(file)
        for net, (metric, file) in LPIPS.items()
        if metric in protocol.metrics and not given.get(net)
    }
    return {net: path for net, path in given.items() if path} | asked


def load_trunks(protocol: "Protocol", given: Trunks) -> "list[nn.Module]":
    """The networks of LPIPS on them; each knows whether its trunk is the published one."""
    from evaluation.extractors.published.lpips_network import load_lpips

    networks = []
    for net, path in trunks_of_lpips(protocol, given).items():
        network: Any = load_lpips(path, net)
        network.doubt = doubt(LPIPS[net][1], network.fingerprint)
        networks.append(network)
    return networks
