"""Options that several commands share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from unissued.formats import FORMS
from unissued.pack import parse_span


class Moment(click.ParamType[datetime]):
    """A date or time in ISO 8601; without a zone it is UTC."""

    name = "TIME"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Read what the user wrote."""
        if isinstance(value, datetime):
            return value
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is no time; write YYYY-MM-DD or YYYY-MM-DDTHH:MM:SSZ", param, ctx)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


class Days(click.ParamType[timedelta]):
    """A number of days, such as 365d, also in hours or weeks; ten years at most."""

    name = "SPAN"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Read what the user wrote."""
        if isinstance(value, timedelta):
            return value
        text = str(value)
        days = int(text[:-1]) if text[:-1].isdecimal() and text.endswith("d") else -1
        found = timedelta(days=days) if 0 <= days <= 3660 else parse_span(text)
        if found is None:
            self.fail(f"{value!r} is no span; write days such as 365d, 3660d at most", param, ctx)
        return found


FILE = click.Path(dir_okay=False, path_type=Path)
root_option = click.option(
    "--root",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder with sigma/ and fixtures/, if not this checkout.",
)
baseline_option = click.option(
    "--baseline", "baseline_file", type=FILE, help="What is normal here: a file of 'baseline learn'."
)
list_option = click.option(
    "--list", "list_files", multiple=True, metavar="NAME=FILE", help="A list that rules ask for, as CSV."
)
format_option = click.option(
    "--format", "form", type=click.Choice(["text", *FORMS]), default="text", show_default=True, help="For whom."
)
output_option = click.option("-o", "--output", type=FILE, help="Write there instead of stdout, whole or not at all.")
quiet_option = click.option("--quiet", is_flag=True, help="No progress on stderr.")
date_order_option = click.option(
    "--date-order",
    type=click.Choice(["mdy", "dmy"]),
    help="Order of dates such as 5/4/2026 where a file does not prove it: month or day first.",
)

engine_option = click.option(
    "--engine",
    type=click.Choice(["auto", "fast", "reference", "duckdb", "spark"]),
    default="auto",
    show_default=True,
    help="What judges: the reference; fast, which finds the same in less time and memory; or auto, which chooses. "
    "duckdb and spark read lines of JSON only, see docs/lake.md.",
)
jobs_option = click.option(
    "--jobs",
    type=click.IntRange(1, 64),
    help="Processes that read, with the fast engine. Default: one for each processor, eight at most.",
)
