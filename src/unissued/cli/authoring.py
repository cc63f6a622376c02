"""New rules."""

from __future__ import annotations

import uuid
from pathlib import Path

import click

from unissued import skeleton
from unissued.cli.group import commands
from unissued.cli.options import root_option
from unissued.cli.project import project_folder
from unissued.hunt import visible


@commands.command("new")
@click.argument("name")
@click.option("--kind", type=click.Choice(skeleton.KINDS), default="detection", show_default=True)
@click.option(
    "--source", type=click.Choice(skeleton.SOURCES), default="m365/exchange", show_default=True, help="Where to look."
)
@click.option("--of", multiple=True, metavar="RULE", help="What a correlation is built on; can be given several times.")
@root_option
def new_command(name: str, kind: str, source: str, of: tuple[str, ...], root: Path | None) -> None:
    """Write a new rule and its fixtures, with FILL IN wherever you have to write something.

    Nothing of it passes a test before it is filled in: check, test, build and pytest name every line.
    """
    project = project_folder(root)
    wish = skeleton.Wish(name, kind, source, of, uuid.uuid4())
    made = skeleton.skeleton(project / "sigma", project / "fixtures", wish)
    try:
        skeleton.write(made)
    except OSError as error:
        raise click.FileError(str(error.filename), error.strerror or "cannot be written") from error
    for path in made:
        click.echo(visible(str(path.relative_to(project))))
    click.echo(f"fill in what unissued check names, then: pytest -k {name}, and python build.py", err=True)
