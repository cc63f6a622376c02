"""A replay in a tenant of one's own."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

import click

from unissued import simulate
from unissued.cli.group import commands
from unissued.cli.options import FILE, Moment, quiet_option, root_option
from unissued.cli.project import load, project_folder
from unissued.cli.terminal import bar, show, write
from unissued.hunt import visible
from unissued.logs import read, source_map
from unissued.pack import load_pack
from unissued.verify import load_cases, load_scenarios


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
    "--end", type=Moment(), help="Every case ends just before; by default now. The same time gives the same bytes."
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
@click.option("--token-file", type=FILE, help="The token is in this file.")
@click.option("--check-spl", is_flag=True, help="Send nothing; ask a Splunk server whether the searches parse.")
@click.option("--run", is_flag=True, help="With --check-spl: run them too and compare with what must fire.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@quiet_option
@root_option
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
        parsed = list(simulate.check(_there(server), load(root), names))
        show(simulate.parsed_text(parsed) if form == "text" else simulate.answers_json(parsed, ()))
        raise click.exceptions.Exit(1 if any(one.problem for one in parsed) else 0)
    listing = _listing(root, simulate.Shape(shape or "splunk-hec"), names, scenarios, end, number)
    if run:
        _run_searches(_there(server), listing, names, form)
    if output is not None:
        _write_replay(listing, output, index)
    refused = 0 if server is None else _send(server, listing, index, quiet=quiet)
    if server is None and output is None:
        click.echo("nothing was written or sent: -o writes, --url sends", err=True)
    show(listing.as_text() if form == "text" else listing.as_json())
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
    project = project_folder(root)
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
    show(text if form == "text" else simulate.answers_json(parsed, found))
    raise click.exceptions.Exit(0 if all(one.agrees for one in found) and not any(one.problem for one in parsed) else 1)


def _write_replay(listing: simulate.Listing, output: Path, index: str) -> None:
    if output.suffix == ".jsonl":
        if listing.shape is simulate.Shape.SENTINEL_INGEST:
            raise click.UsageError("--to sentinel-ingest writes a folder: one file a table")
        write("".join(f"{line}\n" for line in simulate.events(listing, index)), output)
        return
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise click.UsageError(f"{output} is there and not an empty folder: name a new one")
    for name, text in simulate.files(listing, index):
        path = output / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise click.FileError(str(path), error.strerror or "cannot be written") from error
        write(text, path)


def _send(server: simulate.Server, listing: simulate.Listing, index: str, *, quiet: bool) -> int:
    """Send a batch and return how many records were refused."""
    with bar(quiet) as tick:

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
