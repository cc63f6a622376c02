"""The functions of eval expressions, by name."""

from __future__ import annotations

from collections.abc import Mapping

from unissued.engines.spl import conditional, multivalue, numerical, textual
from unissued.engines.spl.function import Function

FUNCTIONS: Mapping[str, Function] = {
    **conditional.FUNCTIONS,
    **textual.FUNCTIONS,
    **multivalue.FUNCTIONS,
    **numerical.FUNCTIONS,
}
