"""What is normal here: learn, show, diff, review, export."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import click

from unissued import baseline
from unissued.cli.group import commands
from unissued.cli.options import FILE, Moment, date_order_option, list_option, quiet_option, root_option
from unissued.cli.project import given_lists, list_files_of, load, read_logs
from unissued.cli.terminal import echo_lines, write
from unissued.hunt import visible


@commands.group("baseline")
def baseline_group() -> None:
    """What is normal here: learn it from logs, read it, review it, take it to a SIEM."""


@baseline_group.command("learn")
@click.argument("paths", nargs=-1, required=True)
@click.option("-o", "--output", type=FILE, required=True, help="The CSV to write, whole or not at all.")
@click.option("--since", type=Moment(), help="Learn from then on.")
@click.option("--until", type=Moment(), help="Learn up to then; by default up to a day before the last record.")
@click.option("--known", type=FILE, help="An earlier baseline: what was reviewed stays, and nothing is forgotten.")
@list_option
@date_order_option
@quiet_option
@root_option
def learn_command(
    paths: tuple[str, ...],
    output: Path,
    since: datetime | None,
    until: datetime | None,
    known: Path | None,
    list_files: tuple[str, ...],
    date_order: Literal["mdy", "dmy"] | None,
    quiet: bool,
    root: Path | None,
) -> None:
    """Learn which applications normally read mail, from 14 days of logs or more.

    A key becomes normal when it was first seen seven days before the end and on three days. What a rule matched and
    the last 24 hours teach nothing; public command-line clients and applications known from intrusions become normal
    only when a person says so. Give the lists that rules ask for, such as approved_mail_apps, here as well.

    Let a person read the list before use: unissued baseline review.
    """
    pack = load(root)
    earlier = baseline.read_baseline(known).rows if known else ()
    before = baseline.learned_until(earlier)
    if before is not None and since is None:
        since = before + timedelta(seconds=1)
    lists = given_lists(pack, None, list_files_of(pack, list_files))
    reading = read_logs(pack, paths, quiet=quiet, date_order=date_order)
    lesson = baseline.learn(pack, reading.records, since, until, lists)
    rows = baseline.remember(earlier, lesson.rows) if known else lesson.rows
    baseline.write_baseline(output, rows)
    echo_lines(baseline.lesson_lines(lesson, rows))
    for reason in reading.partial:
        click.echo(f"partial: {visible(reason, 500)}", err=True)


@baseline_group.command("show")
@click.argument("file", type=FILE)
@click.option("--mailbox", default="", help="The rows of this mailbox instead of those of the tenant.")
def show_command(file: Path, mailbox: str) -> None:
    """Show what is normal, with the names of well-known applications. A name is no verdict."""
    echo_lines(baseline.table_lines(baseline.read_baseline(file), mailbox.lower()))


@baseline_group.command("diff")
@click.argument("old", type=FILE)
@click.argument("new", type=FILE)
def diff_command(old: Path, new: Path) -> None:
    """Say what became normal from one baseline to another, and what no longer is. Status 1 when something did."""
    lines = baseline.difference_lines(baseline.read_baseline(old).rows, baseline.read_baseline(new).rows)
    echo_lines(lines)
    raise click.exceptions.Exit(1 if lines else 0)


@baseline_group.command("review")
@click.argument("file", type=FILE)
@click.option("--approve", "approved", multiple=True, metavar="KEY", help="Normal from now on, however rare it is.")
@click.option("--block", "blocked", multiple=True, metavar="KEY", help="Never normal.")
@click.option("--reset", "reset", multiple=True, metavar="KEY", help="Take a word back: what is learned counts again.")
@click.option("--mailbox", default="", help="The word is about this mailbox alone.")
@click.option("--by", default="", help="Who says so.")
@click.option("--note", default="", help="Why.")
@click.option("--at", type=Moment(), help="When; by default now.")
def review_command(
    file: Path,
    approved: tuple[str, ...],
    blocked: tuple[str, ...],
    reset: tuple[str, ...],
    mailbox: str,
    by: str,
    note: str,
    at: datetime | None,
) -> None:
    """Say what a person should look at first: fewest mailboxes, fewest days. Or write down what the person says.

    A KEY is application|client application|kind of client, as the file has it. A key that was never seen can be
    approved before its first use.
    """
    known = baseline.read_baseline(file)
    verdicts = [
        *((key, baseline.Status.APPROVED) for key in approved),
        *((key, baseline.Status.BLOCKED) for key in blocked),
        *((key, baseline.Status.LEARNING) for key in reset),
    ]
    if not verdicts:
        echo_lines(baseline.review_lines(known.rows))
        return
    if not by or not note:
        raise click.UsageError("a word needs a name and a reason: --by NAME --note TEXT")
    word = baseline.Word(by, note, at or datetime.now(UTC))
    rows = known.rows
    for key, status in verdicts:
        rows = baseline.reviewed(rows, key, mailbox.lower(), status, word)
    baseline.write_baseline(file, rows)
    for key, status in verdicts:
        click.echo(visible(f"{status}: {key}", 500))


@baseline_group.command("export")
@click.argument("file", type=FILE)
@click.option("--to", "form", type=click.Choice(baseline.FORMS), required=True)
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    metavar="DIR",
    help="The folder to write into.",
)
@root_option
def export_command(file: Path, form: str, output: Path, root: Path | None) -> None:
    """Write the learned lists in the form that a SIEM takes, with the number of their rows.

    The queries count: a list that lost rows is reported and not believed. SHA256SUMS holds the hash of every file.
    """
    files = baseline.exported(baseline.read_baseline(file), load(root), form)
    output.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        write(text, output / name)
    for line in files[baseline.SUMS].splitlines():
        click.echo(line)
