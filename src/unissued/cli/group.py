"""The command that all verbs hang on."""

from __future__ import annotations

import click

from unissued import __version__

STATUSES = """
Exit status: 0 done, nothing to report; 1 findings (a hit, a lint error, a failing fixture, a stale output);
2 usage or configuration error; 3 nothing found, but the input was incomplete; 130 interrupted.
A rule that was not evaluated is listed and does not change the status.
"""


@click.group(context_settings={"help_option_names": ["-h", "--help"]}, epilog=STATUSES.strip())
@click.version_option(__version__, prog_name="unissued")
def commands() -> None:
    """Detections for mail read with tokens that nobody issued, and the evaluator that proves them.

    A token without a sign-in is unexplained, not proven forged.
    """
