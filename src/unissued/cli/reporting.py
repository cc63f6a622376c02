"""What a hunt writes: one format to stdout or a file, and the list of items beside it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click

from unissued import report
from unissued.cli.options import FILE
from unissued.cli.terminal import plain_or_coloured, write
from unissued.hunt import Hunt, as_json, as_jsonl
from unissued.hunt.text import as_text

COUNTED = ("html", "markdown")
"""Formats that show who read what."""
format_option = click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "jsonl", "html", *report.FORMATS]),
    default="text",
    show_default=True,
)
items_option = click.option(
    "--items",
    "items_file",
    type=FILE,
    help="Write there what was read, as CSV. With --format html -o PAGE.html it is PAGE.items.csv by default.",
)


def count(access: report.Access, result: Hunt) -> None:
    """Count who read what, and on which reads the findings stand."""
    for record in result.reading.records:
        access.add(record)
    access.mark(result.findings)


def write_report(
    made: report.Report, form: str, output: Path | None, items_file: Path | None, *, no_color: bool
) -> None:
    """Write the list of items first, then the report, so that the report never names a file that is not there."""
    if form == "html" and output is not None and items_file is None:
        items_file = output.with_suffix(".items.csv")
    if items_file is not None:
        if items_file == output:
            raise click.UsageError(f"--items and --output are both {output}: give each a file of its own")
        write(report.items_csv(made), items_file)
    if form == "text":
        write(plain_or_coloured(as_text(made.hunt), output, no_color=no_color), output)
    else:
        write(_parts(made, form, items_file), output)


def _parts(made: report.Report, form: str, items_file: Path | None) -> Iterable[str]:
    if form in ("json", "jsonl"):
        return [as_json(made.hunt) if form == "json" else as_jsonl(made.hunt)]
    if form == "html":
        return [report.page(made, items_file.name if items_file else "")]
    return report.FORMATS[form](made)
