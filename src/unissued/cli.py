"""The command line: verbs, options, exit statuses. Data goes to stdout, progress and warnings to stderr."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal, NoReturn

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from unissued import __version__, baseline, convert, coverage, pages, simulate
from unissued.baseline.lists import read_list
from unissued.errors import PackError, UnsupportedError
from unissued.evaluate import Event, comparable_lists, explain
from unissued.files import write_whole
from unissued.hunt import as_json, as_jsonl, hunt, visible
from unissued.hunt.text import as_text
from unissued.logs import Reading, read, source_map
from unissued.pack import TARGETS, Pack, Rule, Site, load_pack, load_site, parse_span
from unissued.verify import Replay, case_names, load_cases, load_scenarios, replay_case, replay_scenario

STATUSES = """
Exit status: 0 done, nothing to report; 1 findings (a hit, a lint error, a failing fixture, a stale output);
2 usage or configuration error; 3 nothing found, but the input was incomplete; 130 interrupted.
A rule that was not evaluated is listed and does not change the status.
"""


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
        _complain(error)
        sys.exit(2)


def _complain(error: PackError) -> None:
    for problem in error.problems:
        click.echo(visible(str(problem), 1000), err=True)


def _checkout() -> Path | None:
    """Return the project's root if this package runs from a checkout."""
    root = Path(__file__).parents[2]
    return root if (root / "sigma").is_dir() and (root / "build.py").is_file() else None


def _project(root: Path | None) -> Path:
    """Return the folder that holds sigma/, fixtures/, kql/ and spl/."""
    found = root or _checkout() or Path.cwd()
    if not (found / "sigma").is_dir():
        raise click.UsageError(f"{found} is no checkout of the project: it has no sigma/. Name one with --root.")
    return found


def _pack(root: Path | None) -> Pack:
    """Load the rules of a root, of the checkout, or those that ship inside the package."""
    if root is None and _checkout() is None:
        return load_pack(Path(__file__).parent / "sigma")
    return load_pack(_project(root) / "sigma")


@contextmanager
def _progress(quiet: bool) -> Iterator[Callable[[int, int], None] | None]:
    """Show a bar on stderr while reading, if stderr is a terminal."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    columns = (TextColumn("reading"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _read(
    pack: Pack, paths: tuple[str, ...], *, quiet: bool, date_order: Literal["mdy", "dmy"] | None = None
) -> Reading:
    with _progress(quiet) as report:
        return read(tuple(map(Path, paths)), source_map(pack.catalogue), date_order=date_order, progress=report)


def _write(text: str, output: Path | None) -> None:
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        write_whole(output, text)
    except OSError as error:
        raise click.FileError(str(output), error.strerror or "cannot be written") from error


class _Moment(click.ParamType[datetime]):
    """A date or time in ISO 8601; without a zone it is UTC."""

    name = "TIME"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is no time; write YYYY-MM-DD or YYYY-MM-DDTHH:MM:SSZ", param, ctx)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


class _Days(click.ParamType[timedelta]):
    """A number of days, such as 365d, also in hours or weeks; ten years at most."""

    name = "SPAN"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        if isinstance(value, timedelta):
            return value
        text = str(value)
        days = int(text[:-1]) if text[:-1].isdecimal() and text.endswith("d") else -1
        found = timedelta(days=days) if 0 <= days <= 3660 else parse_span(text)
        if found is None:
            self.fail(f"{value!r} is no span; write days such as 365d, 3660d at most", param, ctx)
        return found


_FILE = click.Path(dir_okay=False, path_type=Path)
_root = click.option(
    "--root",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder with sigma/ and fixtures/, if not this checkout.",
)
_baseline = click.option(
    "--baseline", "baseline_file", type=_FILE, help="What is normal here: a file of 'baseline learn'."
)
_list = click.option(
    "--list", "list_files", multiple=True, metavar="NAME=FILE", help="A list that rules ask for, as CSV."
)
_quiet = click.option("--quiet", is_flag=True, help="No progress on stderr.")
_date_order = click.option(
    "--date-order",
    type=click.Choice(["mdy", "dmy"]),
    help="Order of dates such as 5/4/2026 where a file does not prove it: month or day first.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]}, epilog=STATUSES.strip())
@click.version_option(__version__, prog_name="unissued")
def commands() -> None:
    """Detections for mail read with tokens that nobody issued, and the evaluator that proves them.

    A token without a sign-in is unexplained, not proven forged.
    """


def _named(pack: Pack, names: tuple[str, ...]) -> list[Rule]:
    return [pack.rule(name) for name in names]


# Hunting


@commands.command("hunt")
@click.argument("paths", nargs=-1, required=True)
@click.option("--rule", "names", multiple=True, help="Only this rule; can be given several times.")
@click.option("--since", type=_Moment(), help="Only findings from then on. Earlier records still explain later ones.")
@click.option("--until", type=_Moment(), help="Only findings before then.")
@_baseline
@_list
@click.option("--site", "site_file", type=_FILE, help="The site's own settings, an unissued.toml.")
@click.option("--format", "form", type=click.Choice(["text", "json", "jsonl"]), default="text", show_default=True)
@click.option("-o", "--output", type=_FILE, help="Write there instead of stdout, whole or not at all.")
@click.option("--no-color", is_flag=True, help="No colours; NO_COLOR works too.")
@_date_order
@_quiet
@_root
def hunt_command(
    paths: tuple[str, ...],
    names: tuple[str, ...],
    since: datetime | None,
    until: datetime | None,
    baseline_file: Path | None,
    list_files: tuple[str, ...],
    site_file: Path | None,
    form: str,
    output: Path | None,
    no_color: bool,
    date_order: Literal["mdy", "dmy"] | None,
    quiet: bool,
    root: Path | None,
) -> None:
    """Search exported logs: files or folders, in any shape that the readers know.

    Duplicates are removed and counted; what was read is used, a duplicate, refused or skipped, and the sum is shown.
    """
    pack = _pack(root)
    _named(pack, names)
    site = load_site(site_file, pack) if site_file else Site(pack, frozenset(), {})
    lists = _given_lists(pack, baseline_file, {**site.lists, **_list_files(pack, list_files)})
    reading = _read(pack, paths, quiet=quiet, date_order=date_order)
    only = names or [rule.name for rule in pack.rules.values() if rule.level and rule.name not in site.disabled]
    result = hunt(site.pack, reading, lists, only=only, since=since, until=until)
    if form == "text":
        _write(_plain_or_coloured(as_text(result), output, no_color=no_color), output)
    else:
        _write(as_json(result) if form == "json" else as_jsonl(result), output)
    raise click.exceptions.Exit(result.exit_status)


@commands.command("coverage")
@click.argument("paths", nargs=-1, required=True)
@_baseline
@_list
@click.option(
    "--retention-searchable",
    "searchable",
    type=_Days(),
    default="365d",
    show_default=True,
    help="How far back logs should be searchable.",
)
@click.option(
    "--retention-retrievable",
    "retrievable",
    type=_Days(),
    default="548d",
    show_default=True,
    help="How much further back they should be retrievable.",
)
@click.option("--format", "form", type=click.Choice(["text", "json", "markdown"]), default="text", show_default=True)
@click.option("-o", "--output", type=_FILE, help="Write there instead of stdout, whole or not at all.")
@_date_order
@_quiet
@_root
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
    pack = _pack(root)
    lists = _given_lists(pack, baseline_file, _list_files(pack, list_files))
    reading = _read(pack, paths, quiet=quiet, date_order=date_order)
    result = coverage.coverage(pack, reading, lists, coverage.Retention(searchable, retrievable))
    if form == "text":
        _write(_plain_or_coloured(coverage.as_text(result), output), output)
    else:
        _write(coverage.as_json(result) if form == "json" else coverage.as_markdown(result), output)
    raise click.exceptions.Exit(result.exit_status)


def _list_files(pack: Pack, items: tuple[str, ...]) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for item in items:
        name, _, file = item.partition("=")
        if name not in pack.catalogue.lists or not file:
            known = ", ".join(sorted(pack.catalogue.lists))
            raise click.BadParameter(f"{item!r} is not NAME=FILE with a name of {known}", param_hint="--list")
        files[name] = Path(file)
    return files


def _given_lists(pack: Pack, baseline_file: Path | None, files: Mapping[str, Path]) -> dict[str, frozenset[str]]:
    """Return the lists of a baseline and of files; a file wins over the baseline."""
    lists = baseline.read_baseline(baseline_file).lists() if baseline_file else {}
    return {**lists, **{name: read_list(file, pack.catalogue.lists[name]) for name, file in files.items()}}


def _plain_or_coloured(content: object, output: Path | None, *, no_color: bool = False) -> str:
    """Render for the terminal that stdout is, or as plain text of a fixed width for anything else."""
    terminal = output is None and sys.stdout.isatty()
    console = Console(
        force_terminal=terminal, no_color=no_color or not terminal, width=None if terminal else 140, highlight=False
    )
    with console.capture() as capture:
        console.print(content)
    return "".join(f"{line.rstrip()}\n" for line in capture.get().split("\n")).rstrip("\n") + "\n"


@commands.group("baseline")
def baseline_group() -> None:
    """What is normal here: learn it from logs, read it, review it, take it to a SIEM."""


@baseline_group.command("learn")
@click.argument("paths", nargs=-1, required=True)
@click.option("-o", "--output", type=_FILE, required=True, help="The CSV to write, whole or not at all.")
@click.option("--since", type=_Moment(), help="Learn from then on.")
@click.option("--until", type=_Moment(), help="Learn up to then; by default up to a day before the last record.")
@click.option("--known", type=_FILE, help="An earlier baseline: what was reviewed stays, and nothing is forgotten.")
@_list
@_date_order
@_quiet
@_root
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
    pack = _pack(root)
    earlier = baseline.read_baseline(known).rows if known else ()
    before = baseline.learned_until(earlier)
    if before is not None and since is None:
        since = before + timedelta(seconds=1)
    lists = _given_lists(pack, None, _list_files(pack, list_files))
    reading = _read(pack, paths, quiet=quiet, date_order=date_order)
    lesson = baseline.learn(pack, reading.records, since, until, lists)
    rows = baseline.remember(earlier, lesson.rows) if known else lesson.rows
    baseline.write_baseline(output, rows)
    _echo_lines(baseline.lesson_lines(lesson, rows))
    for reason in reading.partial:
        click.echo(f"partial: {visible(reason, 500)}", err=True)


def _echo_lines(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(visible(line, 1000))


@baseline_group.command("show")
@click.argument("file", type=_FILE)
@click.option("--mailbox", default="", help="The rows of this mailbox instead of those of the tenant.")
def show_command(file: Path, mailbox: str) -> None:
    """Show what is normal, with the names of well-known applications. A name is no verdict."""
    _echo_lines(baseline.table_lines(baseline.read_baseline(file), mailbox.lower()))


@baseline_group.command("diff")
@click.argument("old", type=_FILE)
@click.argument("new", type=_FILE)
def diff_command(old: Path, new: Path) -> None:
    """Say what became normal from one baseline to another, and what no longer is. Status 1 when something did."""
    lines = baseline.difference_lines(baseline.read_baseline(old).rows, baseline.read_baseline(new).rows)
    _echo_lines(lines)
    raise click.exceptions.Exit(1 if lines else 0)


@baseline_group.command("review")
@click.argument("file", type=_FILE)
@click.option("--approve", "approved", multiple=True, metavar="KEY", help="Normal from now on, however rare it is.")
@click.option("--block", "blocked", multiple=True, metavar="KEY", help="Never normal.")
@click.option("--reset", "reset", multiple=True, metavar="KEY", help="Take a word back: what is learned counts again.")
@click.option("--mailbox", default="", help="The word is about this mailbox alone.")
@click.option("--by", default="", help="Who says so.")
@click.option("--note", default="", help="Why.")
@click.option("--at", type=_Moment(), help="When; by default now.")
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
        _echo_lines(baseline.review_lines(known.rows))
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
@click.argument("file", type=_FILE)
@click.option("--to", "form", type=click.Choice(baseline.FORMS), required=True)
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    metavar="DIR",
    help="The folder to write into.",
)
@_root
def export_command(file: Path, form: str, output: Path, root: Path | None) -> None:
    """Write the learned lists in the form that a SIEM takes, with the number of their rows.

    The queries count: a list that lost rows is reported and not believed. SHA256SUMS holds the hash of every file.
    """
    files = baseline.exported(baseline.read_baseline(file), _pack(root), form)
    output.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        _write(text, output / name)
    for line in files[baseline.SUMS].splitlines():
        click.echo(line)


@commands.command("explain")
@click.argument("name", metavar="RULE")
@click.argument("place", metavar="FILE[:LINE]")
@_baseline
@_list
@_date_order
@_root
def explain_command(
    name: str,
    place: str,
    baseline_file: Path | None,
    list_files: tuple[str, ...],
    date_order: Literal["mdy", "dmy"] | None,
    root: Path | None,
) -> None:
    """Show why a rule does or does not fire on a record: its condition as a tree with + and -.

    For a correlation the rules below it are shown.
    """
    pack = _pack(root)
    rule = pack.rule(name)
    file, line = _place(place)
    given = _given_lists(pack, baseline_file, _list_files(pack, list_files))
    lists = comparable_lists(pack.catalogue, given)
    reading = _read(pack, (file,), quiet=True, date_order=date_order)
    records = [record for record in reading.records if line is None or record.origin.line == line]
    if not records:
        reasons = [refusal.reason for refusal in reading.refusals if refusal.line == line]
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


# The pack


@commands.command("list")
@_root
def list_command(root: Path | None) -> None:
    """List the rules: level, what each reads, and where it runs."""
    pack = _pack(root)
    for rule in pack.rules.values():
        sources = ", ".join(source.key for source in rule.sources)
        click.echo(f"{rule.name:<42} {rule.level or 'base':<9} {rule.version:<7} {sources}")
        for target in TARGETS if rule.level else ():
            try:
                click.echo(f"    {target:<9} {', '.join(convert.convert(pack, rule, target).tables)}")
            except UnsupportedError as error:
                click.echo(f"    {target:<9} no: {error.problems[0].problem}")


@commands.command("check")
@_root
def check_command(root: Path | None) -> None:
    """Lint the rules and the layout of their fixtures; every problem at once."""
    project = _project(root)
    try:
        pack = load_pack(project / "sigma")
        cases = load_cases(pack, project / "fixtures")
        scenarios = load_scenarios(pack, project / "fixtures" / "_scenarios")
    except PackError as error:
        _complain(error)
        click.echo(f"{len(error.problems)} problems")
        raise click.exceptions.Exit(1) from error
    click.echo(f"{len(pack.rules)} rules, {len(cases)} fixtures, {len(scenarios)} scenarios: no problems")


@commands.command("test")
@click.argument("names", metavar="[RULE]...", nargs=-1)
@_root
def test_command(names: tuple[str, ...], root: Path | None) -> None:
    """Replay the fixtures, and without a rule the scenarios, through the evaluator."""
    project = _project(root)
    pack = load_pack(project / "sigma")
    wanted = {rule.name for rule in _named(pack, names)} or set(pack.rules)
    sources = source_map(pack.catalogue)
    cases = [case for case in load_cases(pack, project / "fixtures") if case.rule in wanted]
    replays = [replay_case(pack, case, read([case.path], sources)) for case in cases]
    if not names:
        scenarios = load_scenarios(pack, project / "fixtures" / "_scenarios")
        replays += [replay_scenario(pack, scenario, read([scenario.path], sources)) for scenario in scenarios]
    failed = [replay for replay in replays if replay.failures]
    _show_failures(failed)
    click.echo(f"{len(replays) - len(failed)} passed, {len(failed)} failed")
    raise click.exceptions.Exit(1 if failed else 0)


def _show_failures(failed: list[Replay]) -> None:
    for replay in failed:
        for failure in replay.failures:
            for line in failure.split("\n"):
                click.echo(visible(line, 500))


@commands.command("verify")
@click.option("--rule", "names", multiple=True, help="Only the queries of this rule; can be given several times.")
@click.option("--target", "targets", type=click.Choice(TARGETS), multiple=True, help="Only this target.")
@click.option("--rules", "random_rules", type=click.IntRange(0), default=0, help="So many random rules as well.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Draws the random rules.")
@click.option("--jobs", type=click.IntRange(1), default=os.cpu_count() or 1, help="Processes; by default one a core.")
@click.option(
    "--format", "form", type=click.Choice(["text", "json", "junit", "markdown"]), default="text", show_default=True
)
@click.option("-o", "--output", type=_FILE, help="Write there instead of stdout, whole or not at all.")
@click.option(
    "--keep-random", is_flag=True, help="With --format markdown -o PAGE: keep what PAGE says about random rules."
)
@_quiet
@_root
def verify_command(
    names: tuple[str, ...],
    targets: tuple[str, ...],
    random_rules: int,
    seed: int,
    jobs: int,
    form: str,
    output: Path | None,
    keep_random: bool,
    quiet: bool,
    root: Path | None,
) -> None:
    """Execute the shipped queries and hold them against the evaluator.

    Every query is bound or parsed, and executed on every fixture of its rule and on every scenario. With --rules,
    random rules on random records as well. What cannot be executed here counts as a failure, never as a pass.

    KQL runs on an engine that is not Microsoft's; SPL is modelled, not run on Splunk.
    """
    try:
        from unissued.verify import page, report, run, shipped
    except ModuleNotFoundError as error:
        problem = f"verify needs more packages ({error.name} is missing) and has checked nothing"
        raise click.UsageError(f"{problem}: pip install 'unissued[verify]'") from error
    earlier = _read_page(output, form, names, random_rules) if keep_random else ""
    project = _project(root)
    pack = load_pack(project / "sigma")
    _named(pack, names)
    wanted = run.Wanted(names, targets or TARGETS, random_rules, seed, jobs)
    with _bar(quiet) as tick:
        result = run.verify(shipped.Project(project, project / "fixtures"), pack, wanted, tick)
    forms = {"json": report.as_json, "junit": report.as_junit, "markdown": page.as_markdown}
    if earlier:
        text = page.refreshed(earlier, result)
    else:
        text = forms[form](result) if form in forms else _plain_or_coloured(report.as_text(result), output)
    _write(text, output)
    if output is not None or form != "text":
        for line in report.failures(result):
            click.echo(visible(line, 500), err=True)
    raise click.exceptions.Exit(0 if result.agrees else 1)


def _read_page(output: Path | None, form: str, names: tuple[str, ...], random_rules: int) -> str:
    """Return the page whose part about random rules is kept."""
    if form != "markdown" or output is None or names or random_rules:
        raise click.UsageError("--keep-random goes with --format markdown -o PAGE, without --rule and --rules")
    try:
        return output.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"--keep-random: {output} cannot be read as a page: {error}") from error


@contextmanager
def _bar(quiet: bool) -> Iterator[Callable[[str, int, int], None] | None]:
    """Show bars on stderr while working, if stderr is a terminal."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        tasks: dict[str, TaskID] = {}

        def tick(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=total)
            bar.update(tasks[what], completed=min(done, total), total=total)

        yield tick


@commands.command("convert")
@click.argument("name", metavar="RULE")
@click.option("--target", type=click.Choice(TARGETS), required=True)
@_baseline
@_list
@_root
def convert_command(
    name: str, target: str, baseline_file: Path | None, list_files: tuple[str, ...], root: Path | None
) -> None:
    """Print one rule as a query of a target.

    Lists that are given here are written into the query; others are looked up in the target.
    """
    pack = _pack(root)
    given = _given_lists(pack, baseline_file, _list_files(pack, list_files))
    entries = {name: comparable_lists(pack.catalogue, given)[name] for name in given}
    filled = Pack(pack.rules, pack.catalogue.with_lists(entries))
    click.echo(convert.convert(filled, filled.rule(name), target).text, nl=False)


@commands.command("build")
@click.option("--check", is_flag=True, help="Write nothing; status 1 and a diff when the tree is stale.")
@click.option("--only", metavar="RULE", help="Only this rule.")
@click.option("--target", "targets", type=click.Choice(TARGETS), multiple=True, help="Only this target.")
@_root
def build_command(check: bool, only: str | None, targets: tuple[str, ...], root: Path | None) -> None:
    """Write kql/, spl/, pipelines/, docs/rules/ and docs/targets.md from sigma/, fixtures/ and the field catalogue."""
    project = _project(root)
    pack = load_pack(project / "sigma")
    if only is not None:
        pack.rule(only)
    made = convert.build(pack, targets or TARGETS, only)
    for refused in made.refused:
        click.echo(f"not for {refused.target}: {refused.rule}: {refused.reason}")
    complete = only is None and not targets
    if complete:
        cases = {name: case_names(project / "fixtures" / name) for name in pack.rules}
        made = made.with_files(pages.pages(pack, made, cases))
    if check:
        stale = convert.differences(made, project, complete=complete)
        click.echo(stale.diff, nl=False)
        click.echo(f"{stale.missing} missing, {stale.stale} stale, {stale.extra} extra")
        raise click.exceptions.Exit(1 if stale.missing or stale.stale or stale.extra else 0)
    written = convert.write(made, project, complete=complete)
    click.echo(f"{len(made.files)} files, {len(written)} changed")


# A replay in a tenant


@commands.command("simulate")
@click.option(
    "--to",
    "shape",
    type=click.Choice(["splunk-hec", "sentinel-ingest", "jsonl"]),
    help="Splunk's HTTP Event Collector, Microsoft's Logs Ingestion API, or logs for 'unissued hunt'.",
)
@click.option("--rule", "names", multiple=True, help="Only the fixtures of this rule; can be given several times.")
@click.option("--scenario", "scenarios", multiple=True, help="Only this scenario; can be given several times.")
@click.option(
    "--end", type=_Moment(), help="Every case ends just before; by default now. The same time gives the same bytes."
)
@click.option(
    "--batch",
    "number",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Some cases cannot share a tenant with the rest; the list says which and why.",
)
@click.option("--index", default="", help="Write this index into the events for Splunk.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE|DIR",
    help="A new folder for everything, or a file that ends in .jsonl for the events alone.",
)
@click.option("--url", help="Send there: the collector, the data collection rule, or with --check-spl the REST port.")
@click.option("--token-env", metavar="VAR", help="The token is in this environment variable.")
@click.option("--token-file", type=_FILE, help="The token is in this file.")
@click.option("--check-spl", is_flag=True, help="Send nothing; ask a Splunk server whether the searches parse.")
@click.option("--run", is_flag=True, help="With --check-spl: run them too and compare with what must fire.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@_quiet
@_root
def simulate_command(
    shape: str | None,
    names: tuple[str, ...],
    scenarios: tuple[str, ...],
    end: datetime | None,
    number: int,
    index: str,
    output: Path | None,
    url: str | None,
    token_env: str | None,
    token_file: Path | None,
    check_spl: bool,
    run: bool,
    form: str,
    quiet: bool,
    root: Path | None,
) -> None:
    """Replay fixtures and scenarios in a test tenant, with fresh times, and list what must fire.

    What it writes and sends is SYNTHETIC: use a test tenant or a test index, never production. Nothing is sent without
    --url and a token. The token is never an argument; it is read from an environment variable or a file.

    See docs/replay.md for the steps.
    """
    _check_options(shape, index, url, token_env or token_file, check_spl=check_spl, run=run, end=end)
    server = None
    if url is not None:
        scheme = "Splunk" if shape == "splunk-hec" and not check_spl else "Bearer"
        server = simulate.Server(url, scheme, _token(token_env, token_file))
    if check_spl and not run:
        parsed = list(simulate.check(_there(server), _pack(root), names))
        _show(simulate.parsed_text(parsed) if form == "text" else simulate.answers_json(parsed, ()))
        raise click.exceptions.Exit(1 if any(one.problem for one in parsed) else 0)
    listing = _listing(root, simulate.Shape(shape or "splunk-hec"), names, scenarios, end, number)
    if run:
        _run_searches(_there(server), listing, names, form)
    if output is not None:
        _write_replay(listing, output, index)
    refused = 0 if server is None else _send(server, listing, index, quiet=quiet)
    if server is None and output is None:
        click.echo("nothing was written or sent: -o writes, --url sends", err=True)
    _show(listing.as_text() if form == "text" else listing.as_json())
    raise click.exceptions.Exit(1 if refused else 0)


def _check_options(
    shape: str | None, index: str, url: str | None, token: object, *, check_spl: bool, run: bool, end: datetime | None
) -> None:
    """Refuse options that do not go together."""
    if check_spl and shape not in (None, "splunk-hec"):
        raise click.UsageError("--check-spl is about Splunk: leave --to out")
    if not check_spl and shape is None:
        raise click.UsageError("--to is missing: splunk-hec, sentinel-ingest or jsonl")
    if run and not (check_spl and end):
        raise click.UsageError("--run needs --check-spl, and the --end with which the events were sent")
    if index and shape != "splunk-hec":
        raise click.UsageError("--index is for --to splunk-hec")
    if url is not None and shape == "jsonl":
        raise click.UsageError("--to jsonl is for files: leave --url out")
    if (url is None) != (token is None) or (check_spl and url is None):
        raise click.UsageError("--url needs a token (--token-env or --token-file), and a token needs --url")


def _token(variable: str | None, file: Path | None) -> str:
    """Return the token. No message shows what was given in its place: it could be the token itself."""
    if variable is not None and file is not None:
        raise click.UsageError("give --token-env or --token-file, not both")
    if file is not None:
        try:
            return file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise click.UsageError(f"--token-file: {file} cannot be read as a token") from error
    found = os.environ.get(variable or "")
    if not found:
        raise click.UsageError("--token-env names no environment variable that is set; give its name, not the token")
    return found


def _there(server: simulate.Server | None) -> simulate.Server:
    if server is None:
        raise click.UsageError("--url is missing")
    return server


def _listing(
    root: Path | None,
    shape: simulate.Shape,
    names: tuple[str, ...],
    scenarios: tuple[str, ...],
    end: datetime | None,
    number: int,
) -> simulate.Listing:
    project = _project(root)
    pack = load_pack(project / "sigma")
    setting = simulate.Setting(pack, shape.target, (end or datetime.now(UTC)).replace(microsecond=0))
    cases = load_cases(pack, project / "fixtures")
    known = load_scenarios(pack, project / "fixtures" / "_scenarios")
    sources = source_map(pack.catalogue)
    chosen = simulate.choose(setting, cases, known, names, scenarios)
    plan = simulate.plan(setting, chosen, lambda path: read([path], sources))
    if number > len(plan.batches):
        why = "; ".join(f"{left.name}: {left.reason}" for left in plan.left_out)
        raise click.UsageError(f"there are {len(plan.batches)} batches{f' (not replayed: {why})' if why else ''}")
    return simulate.Listing(plan, number, shape)


def _run_searches(server: simulate.Server, listing: simulate.Listing, names: tuple[str, ...], form: str) -> NoReturn:
    for line in listing.look_lines():
        click.echo(visible(line, 1000), err=True)
    parsed = list(simulate.check(server, listing.batch.setting.pack, names))
    found = list(simulate.run(server, listing.batch, names))
    text = simulate.parsed_text(parsed) + simulate.found_text(found)
    _show(text if form == "text" else simulate.answers_json(parsed, found))
    raise click.exceptions.Exit(0 if all(one.agrees for one in found) and not any(one.problem for one in parsed) else 1)


def _write_replay(listing: simulate.Listing, output: Path, index: str) -> None:
    if output.suffix == ".jsonl":
        if listing.shape is simulate.Shape.SENTINEL_INGEST:
            raise click.UsageError("--to sentinel-ingest writes a folder: one file a table")
        _write("".join(f"{line}\n" for line in simulate.events(listing, index)), output)
        return
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise click.UsageError(f"{output} is there and not an empty folder: name a new one")
    for name, text in simulate.files(listing, index):
        path = output / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise click.FileError(str(path), error.strerror or "cannot be written") from error
        _write(text, path)


def _send(server: simulate.Server, listing: simulate.Listing, index: str, *, quiet: bool) -> int:
    """Send a batch and return how many records were refused."""
    with _bar(quiet) as tick:

        def progress(done: int, total: int) -> None:
            if tick:
                tick("sending", done, total)

        if listing.shape is simulate.Shape.SPLUNK_HEC:
            outcome = simulate.send_events(server, list(simulate.events(listing, index)), progress)
        else:
            outcome = simulate.send_rows(server, simulate.rows(listing.batch), progress)
    for problem in outcome.problems:
        click.echo(visible(f"refused: {problem}", 500), err=True)
    click.echo(f"sent {outcome.total}: {outcome.accepted} accepted, {outcome.refused} refused", err=True)
    return outcome.refused


def _show(text: str) -> None:
    for line in text.splitlines():
        click.echo(visible(line, 10_000))
