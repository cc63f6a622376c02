"""Streams that hold another stream, told by their first bytes: gzip and zstd."""

from __future__ import annotations

import gzip
import io
import sys

if sys.version_info >= (3, 14):
    from compression.zstd import DecompressionParameter, ZstdError, ZstdFile
else:
    from backports.zstd import DecompressionParameter, ZstdError, ZstdFile

__all__ = ["ZstdError", "decompressed"]

MAX_WINDOW_LOG = 25
"""The window that zstd may ask for: 32 MiB. Its levels without --long ask for 8 MiB, the highest three for more."""


def decompressed(stream: io.BufferedReader) -> gzip.GzipFile | ZstdFile | None:
    """What the stream unpacks to; None where it is not compressed."""
    start = stream.peek(4)[:4]
    if start.startswith(b"\x1f\x8b"):
        return gzip.GzipFile(fileobj=stream)
    if start == b"\x28\xb5\x2f\xfd":
        return ZstdFile(stream, options={DecompressionParameter.window_log_max: MAX_WINDOW_LOG})
    return None
