"""Which number formats a device computes in, rather than emulates."""

import torch


def multiplies_bfloat16(device: torch.device) -> bool:
    """Whether a device has instructions for bfloat16; where they are emulated float32 is faster.

    GPUs have them since Ampere, compute capability 8; other accelerators are taken to have none.
    """
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device)[0] >= 8
    known = getattr(torch.cpu, "get_capabilities", dict)()
    return device.type == "cpu" and any(known.get(name) for name in ("avx512_bf16", "amx_bf16"))
