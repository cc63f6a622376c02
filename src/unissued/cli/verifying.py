"""The converted queries, executed and held against the evaluator."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from unissued import formats
from unissued.cli.group import commands
from unissued.cli.options import FILE, quiet_option, root_option
from unissued.cli.project import named, project_folder
from unissued.cli.terminal import bar, plain_or_coloured, write
from unissued.convert import path_of
from unissued.hunt import visible
from unissued.pack import TARGETS, load_pack

if TYPE_CHECKING:  # these need the extra packages of verify
    from unissued.verify.run import RandomPart
    from unissued.verify.shipped import Check, Checked


@commands.command("verify")
@click.option("--rule", "names", multiple=True, help="Only the queries of this rule; can be given several times.")
@click.option("--target", "targets", type=click.Choice(TARGETS), multiple=True, help="Only this target.")
@click.option("--rules", "random_rules", type=click.IntRange(0), default=0, help="So many random rules as well.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Draws the random rules.")
@click.option("--jobs", type=click.IntRange(1), default=os.cpu_count() or 1, help="Processes; by default one a core.")
@click.option("--format", "form", type=click.Choice(["text", *formats.FORMS]), default="text", show_default=True)
@click.option("-o", "--output", type=FILE, help="Write there instead of stdout, whole or not at all.")
@click.option(
    "--keep-random", is_flag=True, help="With --format markdown -o PAGE: keep what PAGE says about random rules."
)
@quiet_option
@root_option
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
    project = project_folder(root)
    pack = load_pack(project / "sigma")
    named(pack, names)
    wanted = run.Wanted(names, targets or TARGETS, random_rules, seed, jobs)
    with bar(quiet) as tick:
        result = run.verify(shipped.Project(project, project / "fixtures"), pack, wanted, tick)
    forms = {"json": report.as_json, "junit": report.as_junit, "markdown": page.as_markdown}
    if earlier:
        text = page.refreshed(earlier, result)
    elif form in forms:
        text = forms[form](result)
    elif form == "text":
        text = plain_or_coloured(report.as_text(result), output)
    else:
        checks = tuple(_check_of(one, check) for one in result.shipped for check in one.checks)
        text = formats.rendered(formats.Report("verify", (*checks, *_random(result.random))), form)
    write(text, output)
    if output is not None or form != "text":
        for line in report.failures(result):
            click.echo(visible(line, 500), err=True)
    raise click.exceptions.Exit(0 if result.agrees else 1)


def _check_of(one: Checked, check: Check) -> formats.Check:
    name = f"{one.rule} in {one.target}, {check.kind} {check.name}"
    if str(check.status) == "agrees":
        return formats.Check(one.rule, name)
    path, said = path_of(one.rule, one.target), "\n".join(check.said)
    return formats.Check(one.rule, name, (formats.Remark("verify", f"{name}: {check.status}", path, 1, detail=said),))


def _random(part: RandomPart) -> Iterator[formats.Check]:
    said = [f"{one.rule} in {one.target}, batch {one.batch}: the readers disagree" for one in part.disagreements]
    for text in (*said, *part.not_executed):
        yield formats.Check("random rules", text, (formats.Remark("verify", text),))


def _read_page(output: Path | None, form: str, names: tuple[str, ...], random_rules: int) -> str:
    """Return the page whose part about random rules is kept."""
    if form != "markdown" or output is None or names or random_rules:
        raise click.UsageError("--keep-random goes with --format markdown -o PAGE, without --rule and --rules")
    try:
        return output.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"--keep-random: {output} cannot be read as a page: {error}") from error
