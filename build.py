"""Write kql/, spl/, pipelines/ and the generated pages in docs/: the same as ``unissued build``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "src"))

from unissued.cli import main

if __name__ == "__main__":
    sys.argv[1:1] = ["build"]
    main()
