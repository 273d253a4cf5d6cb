"""Which global gate weighs the experts of a loaded network: its own, or the one that the user asks for."""

from typing import TYPE_CHECKING

from moee.generation.settings import Gate

if TYPE_CHECKING:
    from lightning_modules.interfaces import EmotionCue


def choose_gate(network: object, gate: Gate | None, cue: "EmotionCue") -> Gate | None:
    """Have a network's experts weighed by `gate` from now on; returns the gate in force.

    Without a gate that is asked for, a palette takes the place of a learnt gate.

    Args:
        network: a talking head.
        gate: None leaves the network's own, and None is returned.
        cue: what the network will be asked for.

    Raises:
        ValueError: if the network has no gates to choose, or the gate and the cue do not go together.
    """
    from lightning_modules import EmotionExperts

    if gate is None and cue.palette is None:
        return None
    option = "--palette" if gate is None else "--gate"
    mixture = getattr(network, "mixture", None)
    if not isinstance(mixture, EmotionExperts) or mixture.experts == 1:
        raise ValueError(f"{option}: this checkpoint has no six experts whose gate could be told")
    if gate is None:
        gate = "blended" if mixture.global_gate == "blended" else "manual"
    if gate == "learned" and cue.palette is not None:
        raise ValueError("--gate learned looks at no palette: drop --palette, or take --gate blended")
    if gate == "manual" and cue.palette is None and cue.label is None:
        raise ValueError('--gate manual needs weights: add --palette "happy:0.7,surprise:0.3" or --emotion')
    mixture.global_gate = gate
    return gate
