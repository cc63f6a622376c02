"""Packages for the products."""

from __future__ import annotations

import hashlib
from pathlib import Path

import click

from unissued import __version__, convert, package
from unissued.cli.group import commands
from unissued.cli.options import root_option
from unissued.cli.project import load


@commands.command("package")
@click.option("--target", type=click.Choice([*package.PLACES, "all"]), required=True)
@click.option("-o", "--output", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder.")
@root_option
def package_command(target: str, output: Path, root: Path | None) -> None:
    """Write what a SOC imports: a folder and an archive for each target, and SHA256SUMS."""
    pack = load(root)
    made = convert.build(pack)
    archives: dict[str, bytes] = {}
    for one in package.PLACES if target == "all" else (target,):
        files = package.artefacts(one, pack, made)
        files.write(output / one)
        if one == "splunk":
            archives[f"unissued_m365-{__version__}.tar.gz"] = package.tar_gz(files)
        else:
            archives[f"unissued-{one}-{__version__}.zip"] = package.zipped(files)
        click.echo(f"{one}: {len(files)} files")
    sums = "".join(f"{hashlib.sha256(archives[name]).hexdigest()}  {name}\n" for name in sorted(archives))
    package.Artefacts({**archives, "SHA256SUMS": sums}).write(output)
