"""Addresses by network, so that a client that changes its address stays one line."""

from __future__ import annotations

import ipaddress

_SIZES = {4: 24, 6: 48}


def network_of(address: str) -> str:
    """Return the /24 or /48 that an address lies in; what is no address stays as it is."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((parsed, _SIZES[parsed.version]), strict=False))
