"""The pack: list, check, test, convert, build."""

from __future__ import annotations

from pathlib import Path

import click

from unissued import convert, pages, sql
from unissued.cli.group import commands
from unissued.cli.options import FILE, baseline_option, list_option, root_option
from unissued.cli.project import given_lists, list_files_of, load, named, project_folder
from unissued.cli.terminal import complain, write
from unissued.errors import PackError, UnsupportedError
from unissued.evaluate import comparable_lists
from unissued.hunt import visible
from unissued.logs import read, source_map
from unissued.pack import TARGETS, Pack, load_pack
from unissued.verify import Replay, case_names, load_cases, load_scenarios, replay_case, replay_scenario


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
@root_option
def check_command(root: Path | None) -> None:
    """Lint the rules and the layout of their fixtures; every problem at once."""
    project = project_folder(root)
    try:
        pack = load_pack(project / "sigma")
        cases = load_cases(pack, project / "fixtures")
        scenarios = load_scenarios(pack, project / "fixtures" / "_scenarios")
    except PackError as error:
        complain(error)
        click.echo(f"{len(error.problems)} problems")
        raise click.exceptions.Exit(1) from error
    click.echo(f"{len(pack.rules)} rules, {len(cases)} fixtures, {len(scenarios)} scenarios: no problems")


@commands.command("test")
@click.argument("names", metavar="[RULE]...", nargs=-1)
@root_option
def test_command(names: tuple[str, ...], root: Path | None) -> None:
    """Replay the fixtures, and without a rule the scenarios, through the evaluator."""
    project = project_folder(root)
    pack = load_pack(project / "sigma")
    wanted = {rule.name for rule in named(pack, names)} or set(pack.rules)
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
    given = given_lists(pack, baseline_file, list_files_of(pack, list_files))
    entries = {name: comparable_lists(pack.catalogue, given)[name] for name in given}
    filled = Pack(pack.rules, pack.catalogue.with_lists(entries))
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
@root_option
def build_command(check: bool, only: str | None, targets: tuple[str, ...], root: Path | None) -> None:
    """Write kql/, spl/, pipelines/, docs/rules/ and docs/targets.md from sigma/, fixtures/ and the field catalogue."""
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
        made = made.with_files(pages.pages(pack, made, cases))
    if check:
        stale = convert.differences(made, project, complete=complete)
        click.echo(stale.diff, nl=False)
        click.echo(f"{stale.missing} missing, {stale.stale} stale, {stale.extra} extra")
        raise click.exceptions.Exit(1 if stale.missing or stale.stale or stale.extra else 0)
    written = convert.write(made, project, complete=complete)
    click.echo(f"{len(made.files)} files, {len(written)} changed")
