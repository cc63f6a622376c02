"""Each seeded mistake of a site is caught, and what has none is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from seeded_sites import GOOD, MISTAKES, Seeded, caught, said


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_the_mistake_is_caught(mistake: Seeded) -> None:
    assert caught(mistake)


@pytest.mark.parametrize("run", GOOD)
def test_what_has_no_mistake_passes(run: Callable[[Path], Result], tmp_path: Path) -> None:
    done = run(tmp_path)
    assert done.exit_code == 0, said(done)
