"""Ordinary tenants: invented people, applications and records in the shapes that real ones have, and nobody attacks.

Everything is drawn from a number, without a clock: the same number gives the same tenant. What is known of real
records is followed: back-end services write most mail reads, records lack ids, come late and repeatedly, people move
between networks. The shares come from one public laboratory tenant of 2021; the rates are invented.
"""

from ordinary.log import Log
from ordinary.stream import LEARNED_DAYS, START, Stream, ordinary_tenant

__all__ = ["LEARNED_DAYS", "START", "Log", "Stream", "ordinary_tenant"]
