"""Changes: between two states of the pack, and between the pack and what is deployed."""

from __future__ import annotations

from pathlib import Path

import click

from unissued import compare
from unissued.cli.group import commands
from unissued.cli.options import output_option, root_option
from unissued.cli.project import checkout
from unissued.cli.terminal import write
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
