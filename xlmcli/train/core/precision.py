"""Number formats that a device computes in."""

from __future__ import annotations

import torch


def uses_bfloat16(precision: str, device: torch.device) -> bool:
    """Whether the model runs under autocast to bfloat16."""
    return precision == "bf16" or (precision == "auto" and has_bfloat16(device))


def has_bfloat16(device: torch.device) -> bool:
    """Whether the processor computes in bfloat16 rather than emulating it."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16") or capabilities.get("bf16"))
