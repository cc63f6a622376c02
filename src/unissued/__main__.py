"""``python -m unissued`` is ``unissued``."""

from unissued.cli import main

main()
