"""The pack: list, check, test, convert, build."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import NoReturn

import click

from unissued import convert, formats, package, pages, sql
from unissued.cli.group import commands
from unissued.cli.options import FILE, baseline_option, format_option, list_option, output_option, root_option
from unissued.cli.project import (
    checkout,
    given_lists,
    list_files_of,
    load,
    named,
    project_folder,
    with_given_lists,
)
from unissued.cli.terminal import complain, write
from unissued.errors import PackError, Problem, UnsupportedError
from unissued.evaluate import comparable_lists
from unissued.formats import of_problem
from unissued.hunt import visible
from unissued.logs import read, source_map
from unissued.pack import TARGETS, Pack, load_pack, load_site
from unissued.package import release
from unissued.verify import Replay, case_names, load_cases, load_scenarios, replay_case, replay_scenario

OWN_FOLDERS = ("docs", "fixtures", "kql", "pipelines", "sigma", "spl", "src", "tests")
"""Where nothing of a site may be written."""


@commands.command("list")
@root_option
def list_command(root: Path | None) -> None:
    """List the rules: level, what each reads, and where it runs."""
    pack = load(root)
    for rule in pack.rules.values():
        sources = ", ".join(source.key for source in rule.sources)
        click.echo(f"{rule.name:<42} {rule.level or 'base':<9} {rule.version:<7} {sources}")
        for target in TARGETS if rule.level else ():
            try:
                click.echo(f"    {target:<9} {', '.join(convert.convert(pack, rule, target).tables)}")
            except UnsupportedError as error:
                click.echo(f"    {target:<9} no: {error.problems[0].problem}")


@commands.command("check")
@format_option
@output_option
@root_option
def check_command(form: str, output: Path | None, root: Path | None) -> None:
    """Lint the rules and the layout of their fixtures; every problem at once."""
    project = project_folder(root)
    found: tuple[Problem, ...] = ()
    counts = ""
    try:
        pack = load_pack(project / "sigma")
        cases = load_cases(pack, project / "fixtures")
        scenarios = load_scenarios(pack, project / "fixtures" / "_scenarios")
        counts = f"{len(pack.rules)} rules, {len(cases)} fixtures, {len(scenarios)} scenarios"
    except PackError as error:
        found = error.problems
    if form == "text":
        complain(PackError(*found))
        write(f"{counts}: no problems\n" if counts else f"{len(found)} problems\n", output)
    else:
        suite = "rules and fixtures"
        checks = [formats.Check(suite, problem.where, (of_problem("check", problem),)) for problem in found]
        checks = checks or [formats.Check(suite, counts)]
        write(formats.rendered(formats.Report("check", tuple(checks)), form), output)
    raise click.exceptions.Exit(1 if found else 0)


@commands.command("test")
@click.argument("names", metavar="[RULE]...", nargs=-1)
@format_option
@output_option
@root_option
def test_command(names: tuple[str, ...], form: str, output: Path | None, root: Path | None) -> None:
    """Replay the fixtures, and without a rule the scenarios, through the evaluator."""
    project = project_folder(root)
    pack = load_pack(project / "sigma")
    wanted = {rule.name for rule in named(pack, names)} or set(pack.rules)
    sources = source_map(pack.catalogue)
    replays = [
        (case.path, case.rule, replay_case(pack, case, read([case.path], sources)))
        for case in load_cases(pack, project / "fixtures")
        if case.rule in wanted
    ]
    for scenario in load_scenarios(pack, project / "fixtures" / "_scenarios") if not names else ():
        replay = replay_scenario(pack, scenario, read([scenario.path], sources))
        replays.append((scenario.path, "scenarios", replay))
    failed = [replay for _, _, replay in replays if replay.failures]
    if form == "text":
        lines = [visible(line, 500) for replay in failed for said in replay.failures for line in said.split("\n")]
        lines.append(f"{len(replays) - len(failed)} passed, {len(failed)} failed")
        write("".join(f"{line}\n" for line in lines), output)
    else:
        checks = tuple(_check_of(path.relative_to(project), suite, replay) for path, suite, replay in replays)
        write(formats.rendered(formats.Report("test", checks), form), output)
    raise click.exceptions.Exit(1 if failed else 0)


def _check_of(path: Path, suite: str, replay: Replay) -> formats.Check:
    """Return what a replay showed; a failure begins with the case's name and, of a detection, the line."""
    remarks = []
    for said in replay.failures:
        head, _, tree = said.partition("\n")
        place, _, text = head.removeprefix(replay.name).removeprefix(":").partition(": ")
        line = int(place) if place.isdecimal() else 0
        whole = text if line else head.removeprefix(f"{replay.name}: ")
        remarks.append(formats.Remark("test", f"{replay.name}: {whole}", path.as_posix(), line, detail=tree))
    return formats.Check(suite, replay.name, tuple(remarks))


@commands.command("convert")
@click.argument("name", metavar="RULE")
@click.option("--target", type=click.Choice(TARGETS), required=True)
@baseline_option
@list_option
@root_option
def convert_command(
    name: str, target: str, baseline_file: Path | None, list_files: tuple[str, ...], root: Path | None
) -> None:
    """Print one rule as a query of a target.

    Lists that are given here are written into the query; others are looked up in the target.
    """
    pack = load(root)
    filled = with_given_lists(pack, baseline_file, list_files)
    click.echo(convert.convert(filled, filled.rule(name), target).text, nl=False)


@commands.command("sql")
@click.argument("names", metavar="[RULE]...", nargs=-1)
@click.option("--dialect", type=click.Choice(sorted(sql.DIALECTS)), required=True)
@click.option("--records", "have_records", is_flag=True, help="Do not make the table of records out of lines of JSON.")
@click.option("-o", "--output", type=FILE, help="Write there instead of stdout, whole or not at all.")
@baseline_option
@list_option
@root_option
def sql_command(
    names: tuple[str, ...],
    dialect: str,
    have_records: bool,
    output: Path | None,
    baseline_file: Path | None,
    list_files: tuple[str, ...],
    root: Path | None,
) -> None:
    """Print rules as SQL over the audit record, to be run where the logs lie. Without a rule: all that have a level.

    Lists that are given here are written into the statements. docs/lake.md says what the records must look like.
    """
    pack = load(root)
    rules = named(pack, names) or [rule for rule in pack.rules.values() if rule.level]
    given = given_lists(pack, baseline_file, list_files_of(pack, list_files))
    lists = comparable_lists(pack.catalogue, given)
    written = sql.script(sql.Setting(sql.DIALECTS[dialect]), pack, rules)
    for name, why in written.refused.items():
        click.echo(f"refused: {name}: {visible(why, 500)}", err=True)
    write(sql.as_text(sql.DIALECTS[dialect], pack, written, lists, from_lines=not have_records), output)
    raise click.exceptions.Exit(2 if written.refused and not written.statements else 0)


@commands.command("build")
@click.option("--check", is_flag=True, help="Write nothing; status 1 and a diff when the tree is stale.")
@click.option("--only", metavar="RULE", help="Only this rule.")
@click.option("--target", "targets", type=click.Choice(TARGETS), multiple=True, help="Only this target.")
@click.option("--site", "site_file", type=FILE, help="The site's own settings, an unissued.toml; with -o.")
@click.option(
    "-o", "--output", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="The site's own folder."
)
@root_option
def build_command(
    check: bool,
    only: str | None,
    targets: tuple[str, ...],
    site_file: Path | None,
    output: Path | None,
    root: Path | None,
) -> None:
    """Write kql/, spl/, pipelines/ and the generated pages in docs/ from sigma/, fixtures/ and the field catalogue.

    With --site, write the queries of the rules as the site wants them into its own folder instead. The head of each
    says what the site changed.
    """
    if (site_file is None) != (output is None) or (site_file is not None and only is not None):
        raise click.UsageError("--site goes with -o DIR, and without --only")
    if site_file is not None and output is not None:
        _build_site(site_file, output, targets or TARGETS, root, check=check)
        return
    project = project_folder(root)
    pack = load_pack(project / "sigma")
    if only is not None:
        pack.rule(only)
    made = convert.build(pack, targets or TARGETS, only)
    for refused in made.refused:
        click.echo(f"not for {refused.target}: {refused.rule}: {refused.reason}")
    complete = only is None and not targets
    if complete:
        cases = {name: case_names(project / "fixtures" / name) for name in pack.rules}
        documents = {**pages.pages(pack, made, cases), **pages.data(pack, cases)}
        made = made.with_files({**documents, **package.generated(pack, made)})
    if check:
        _show_stale(
            convert.differences(made, project, complete=complete), _not_raised(pack, made, project) if complete else ()
        )
    written = convert.write(made, project, complete=complete)
    click.echo(f"{len(made.files)} files, {len(written)} changed")


def _not_raised(pack: Pack, made: convert.Build, project: Path) -> list[Problem]:
    """Return the rules that changed since the last release and kept their version."""
    last = release.read(project / release.PATH)
    return release.not_raised(last, release.current(pack, made)) if last is not None else []


def _show_stale(stale: convert.Differences, unraised: Collection[Problem] = ()) -> NoReturn:
    click.echo(stale.diff, nl=False)
    for problem in unraised:
        click.echo(str(problem))
    click.echo(f"{stale.missing} missing, {stale.stale} stale, {stale.extra} extra")
    raise click.exceptions.Exit(1 if stale.missing or stale.stale or stale.extra or unraised else 0)


def _build_site(site_file: Path, output: Path, targets: Collection[str], root: Path | None, *, check: bool) -> None:
    _is_apart(output, root or checkout())
    pack = load(root)
    site = load_site(site_file, pack)
    entries = comparable_lists(pack.catalogue, given_lists(pack, None, site.lists))
    made = convert.build_site(pack, site, {name: entries[name] for name in site.lists}, targets)
    if check:
        _show_stale(convert.site_differences(made, output))
    for refused in made.refused:
        click.echo(f"not for {refused.target}: {refused.rule}: {refused.reason}")
    written = convert.write_site(made, output)
    tuned = {query.rule for query in made.queries if "site: " in query.text.removesuffix(query.query)}
    click.echo(f"{len(made.files)} files, {len(written)} changed; the site changed {len(tuned)} rules")
    click.echo(f"and switched off {len(site.disabled)}: {', '.join(sorted(site.disabled)) or 'none'}")


def _is_apart(output: Path, project: Path | None) -> None:
    """Refuse a folder from which a site's queries would land among ours, even by way of a link."""
    ours = [(project / name).resolve() for name in OWN_FOLDERS] if project else []
    for folder in sorted({Path(convert.path_of("x", target)).parent for target in TARGETS}):
        place = (output / folder).resolve()
        if any(place.is_relative_to(one) for one in ours):
            raise click.UsageError(f"-o {output}: {place} is the project's own: name another folder")
