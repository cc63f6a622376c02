"""The command line: verbs, options, exit statuses. Data goes to stdout, progress and warnings to stderr."""

from __future__ import annotations

import signal
import sys

import click

from unissued.cli import (  # noqa: F401 - each hangs its verbs on the group
    authoring,
    baselines,
    changes,
    hunting,
    packaging,
    replay,
    rules,
    verifying,
)
from unissued.cli.group import commands
from unissued.cli.terminal import complain
from unissued.errors import PackError


def main() -> None:
    """Run the command line; a closed pipe ends quietly, an interruption with status 130."""
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        # Outside its standalone mode click hands an exit status back instead of leaving.
        sys.exit(commands(standalone_mode=False))
    except click.exceptions.Abort:
        click.echo("interrupted", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except PackError as error:
        complain(error)
        sys.exit(2)
