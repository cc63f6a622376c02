"""Changes: between two states of the pack, and between the pack and what is deployed."""

from __future__ import annotations

from pathlib import Path

import click

from unissued import compare
from unissued.cli.group import commands
from unissued.cli.options import FILE, format_option, output_option, root_option
from unissued.cli.project import checkout, project_folder
from unissued.cli.terminal import write
from unissued.formats import rendered
from unissued.hunt import visible


@commands.command("diff")
@click.argument("old")
@click.argument("new")
@click.option("--format", "form", type=click.Choice(["text", "json", "markdown"]), default="text", show_default=True)
@output_option
@root_option
def diff_command(old: str, new: str, form: str, output: Path | None, root: Path | None) -> None:
    """Say what changed between two states of the pack: rules, queries, and what fires on all fixtures.

    OLD and NEW are folders with sigma/, or git revisions of the project. Both are read with the code of this version.
    Status 1 when something changed.
    """
    repository = root or checkout() or Path.cwd()
    with compare.tree(old, repository, "fixtures") as before, compare.tree(new, repository, "fixtures") as after:
        change = compare.changes(before, after)
    if form == "text":
        write("".join(f"{visible(line, 2000)}\n" for line in compare.as_text(change)), output)
    else:
        write(compare.as_json(change) if form == "json" else compare.as_markdown(change), output)
    raise click.exceptions.Exit(0 if change.is_empty else 1)


@commands.command("drift")
@click.argument("files", nargs=-1, required=True, type=FILE)
@click.option(
    "--ours",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="What should be deployed: a folder of 'unissued package', or a checkout. By default this checkout.",
)
@click.option("--release", "releases", multiple=True, type=FILE, help="A docs/release.json of an earlier release.")
@click.option("--require-all", is_flag=True, help="A rule that is not deployed counts as drift.")
@format_option
@output_option
@root_option
def drift_command(
    files: tuple[Path, ...],
    ours: Path | None,
    releases: tuple[Path, ...],
    require_all: bool,
    form: str,
    output: Path | None,
    root: Path | None,
) -> None:
    """Compare rules as products export them with what the pack ships: tuned, older, edited by hand, missing, extra.

    FILE is an ARM template of alertRules or their listing from the API, detectionRules of Microsoft Graph, a
    savedsearches.conf or saved/searches as JSON. Rules of others are left alone; settings that a site may change
    (schedule, severity, suppression, enabled) are listed and are no drift.

    Status 1 for drift; 3 where there is none, but an export is only a part.
    """
    exports = [compare.read_export(path) for path in files]
    folder = ours or project_folder(root)
    known = compare.shipped(folder)
    targets = {rule.target for export in exports for rule in export.rules}
    if lacking := targets - {rule.target for rule in known}:
        hint = "unissued package writes it; name its folder with --ours"
        raise click.UsageError(f"{folder} ships nothing for {', '.join(sorted(lacking))}: {hint}")
    listed = [path for path in (folder / "docs" / "release.json",) if path.is_file()]
    found = compare.drift(exports, known, compare.read_releases((*listed, *releases)))
    partial = [f"{visible(export.file, 500)}: {export.partial}" for export in exports if export.partial]
    if form == "text":
        write("".join(f"{visible(line, 2000)}\n" for line in compare.drift_text(found, partial)), output)
    elif form == "json":
        write(compare.drift_json(found, partial), output)
    else:
        write(rendered(compare.drift_report(found, partial, require_all=require_all), form), output)
    bad = (*compare.DRIFTED, compare.State.MISSING) if require_all else compare.DRIFTED
    drifted = any(one.state in bad for one in found)
    raise click.exceptions.Exit(1 if drifted else 3 if partial else 0)
