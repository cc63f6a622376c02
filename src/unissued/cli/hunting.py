"""Logs: hunt, coverage, explain."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

import click

from unissued import coverage, lake
from unissued.cli.group import commands
from unissued.cli.options import (
    FILE,
    Days,
    Moment,
    baseline_option,
    date_order_option,
    engine_option,
    jobs_option,
    list_option,
    quiet_option,
    root_option,
)
from unissued.cli.project import given_lists, list_files_of, load, named, read_logs, search_what_can_be
from unissued.cli.reporting import COUNTED, count, format_option, items_option, write_report
from unissued.cli.terminal import plain_or_coloured, write
from unissued.evaluate import Event, comparable_lists, explain
from unissued.hunt import Question, Way, visible
from unissued.pack import Site, load_site
from unissued.report import Access, Report


@commands.command("hunt")
@click.argument("paths", nargs=-1, required=True)
@click.option("--rule", "names", multiple=True, help="Only this rule; can be given several times.")
@click.option("--since", type=Moment(), help="Only findings from then on. Earlier records still explain later ones.")
@click.option("--until", type=Moment(), help="Only findings before then.")
@baseline_option
@list_option
@click.option("--site", "site_file", type=FILE, help="The site's own settings, an unissued.toml.")
@format_option
@items_option
@click.option("-o", "--output", type=FILE, help="Write there instead of stdout, whole or not at all.")
@click.option("--refused", "refused", type=FILE, help="Write each refused record there: file, line, reason, text.")
@click.option("--no-color", is_flag=True, help="No colours; NO_COLOR works too.")
@engine_option
@jobs_option
@date_order_option
@click.option(
    "--column", default="", help="For duckdb and spark: Parquet files with the record as text in this column."
)
@click.option("--master", default="", help="Spark's master; by default that of the environment.")
@quiet_option
@root_option
def hunt_command(
    paths: tuple[str, ...],
    names: tuple[str, ...],
    since: datetime | None,
    until: datetime | None,
    baseline_file: Path | None,
    list_files: tuple[str, ...],
    site_file: Path | None,
    form: str,
    items_file: Path | None,
    output: Path | None,
    refused: Path | None,
    no_color: bool,
    engine: Literal["auto", "fast", "reference", "duckdb", "spark"],
    jobs: int | None,
    date_order: Literal["mdy", "dmy"] | None,
    column: str,
    master: str,
    quiet: bool,
    root: Path | None,
) -> None:
    """Search exported logs: files or folders, in any shape that the readers know.

    Duplicates are removed and counted; what was read is used, a duplicate, refused or skipped, and the sum is shown.
    Ctrl-C ends the reading, not the hunt: it reports what was read so far, as partial, with status 130.
    """
    pack = load(root)
    named(pack, names)
    site = load_site(site_file, pack) if site_file else Site(pack, frozenset(), {})
    lists = given_lists(pack, baseline_file, {**site.lists, **list_files_of(pack, list_files)})
    counted = form in COUNTED or items_file is not None
    only = names or [rule.name for rule in pack.rules.values() if rule.level and rule.name not in site.disabled]
    if engine == "duckdb" or engine == "spark":
        if counted:
            raise click.UsageError(
                f"--engine {engine} brings back what was found, not who read what: leave out {form} and --items"
            )
        judge = lake.SparkEngine(master) if engine == "spark" else lake.DuckDBEngine()
        result = lake.hunt(judge, site.pack, paths, lists, only=only, since=since, until=until, column=column)
    else:
        way = Way(engine, jobs, date_order, every_record=counted)
        result = search_what_can_be(
            Question(site.pack, lists, only, since, until), paths, way, quiet=quiet, refused=refused
        )
    with Access(site.pack, lists, since=since, until=until) as access:
        if counted:
            count(access, result)
        write_report(Report(site.pack, result, access), form, output, items_file, no_color=no_color)
    raise click.exceptions.Exit(130 if result.reading.interrupted else result.exit_status)


@commands.command("coverage")
@click.argument("paths", nargs=-1, required=True)
@baseline_option
@list_option
@click.option(
    "--retention-searchable",
    "searchable",
    type=Days(),
    default="365d",
    show_default=True,
    help="How far back logs should be searchable.",
)
@click.option(
    "--retention-retrievable",
    "retrievable",
    type=Days(),
    default="548d",
    show_default=True,
    help="How much further back they should be retrievable.",
)
@click.option("--format", "form", type=click.Choice(["text", "json", "markdown"]), default="text", show_default=True)
@click.option("-o", "--output", type=FILE, help="Write there instead of stdout, whole or not at all.")
@date_order_option
@quiet_option
@root_option
def coverage_command(
    paths: tuple[str, ...],
    baseline_file: Path | None,
    list_files: tuple[str, ...],
    searchable: timedelta,
    retrievable: timedelta,
    form: str,
    output: Path | None,
    date_order: Literal["mdy", "dmy"] | None,
    quiet: bool,
    root: Path | None,
) -> None:
    """Say what logs cover: feeds, gaps, fields, explained tokens, blind rules, and what to fix first.

    The retention targets are the twelve months searchable and eighteen more retrievable of memorandum M-21-31. Policy
    has changed since, and other rules bind others: give the figures that bind you. What is measured is how far the
    given records reach back from the last one; nobody can see here what else is stored.

    Status 1 where a rule is blind, something is not audited or a feed is broken; 3 where only the input is incomplete.
    """
    pack = load(root)
    lists = given_lists(pack, baseline_file, list_files_of(pack, list_files))
    reading = read_logs(pack, paths, quiet=quiet, date_order=date_order)
    result = coverage.coverage(pack, reading, lists, coverage.Retention(searchable, retrievable))
    if form == "text":
        write(plain_or_coloured(coverage.as_text(result), output), output)
    else:
        write(coverage.as_json(result) if form == "json" else coverage.as_markdown(result), output)
    raise click.exceptions.Exit(result.exit_status)


@commands.command("explain")
@click.argument("name", metavar="RULE")
@click.argument("place", metavar="FILE[:LINE]")
@baseline_option
@list_option
@date_order_option
@root_option
def explain_command(
    name: str,
    place: str,
    baseline_file: Path | None,
    list_files: tuple[str, ...],
    date_order: Literal["mdy", "dmy"] | None,
    root: Path | None,
) -> None:
    """Show why a rule does or does not fire on a record: its condition as a tree with + and -.

    A record inside an archive is named as reports show it, such as case.zip!folder/ual.json:3.

    For a correlation the rules below it are shown.
    """
    pack = load(root)
    rule = pack.rule(name)
    file, line = _place(place)
    given = given_lists(pack, baseline_file, list_files_of(pack, list_files))
    lists = comparable_lists(pack.catalogue, given)
    outer = file.partition("!")[0]  # members of archives are shown as case.zip!member
    member = "!" in file and not Path(file).exists() and Path(outer).is_file()
    reading = read_logs(pack, (outer if member else file,), quiet=True, date_order=date_order)
    records = [
        record
        for record in reading.records
        if (line is None or record.origin.line == line) and (not member or record.origin.file == file)
    ]
    if not records:
        reasons = [
            refusal.reason
            for refusal in reading.refusals
            if refusal.line == line and (not member or refusal.file == file)
        ]
        raise click.UsageError(f"{place}: no usable record there{': ' + visible(reasons[0]) if reasons else ''}")
    for record in records:
        click.echo(f"{visible(record.origin.file)}:{record.origin.line} {record.source} {visible(record.id)}")
        event = Event(record, pack.catalogue.sources[record.source])
        for below in pack.detections_below(rule):
            for text in explain(below, event, lists).split("\n"):
                click.echo(visible(text, 300))


def _place(place: str) -> tuple[str, int | None]:
    file, _, line = place.rpartition(":")
    return (file, int(line)) if file and line.isdecimal() else (place, None)
