"""Packages for the products, and releases."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import click

from unissued import __version__, convert, package
from unissued.cli.group import commands
from unissued.cli.options import baseline_option, list_option, root_option
from unissued.cli.project import checkout, load, project_folder, with_given_lists
from unissued.files import write_whole
from unissued.pack import TARGETS, Pack, load_pack
from unissued.package import release, sbom

_SUMS = "SHA256SUMS"


@commands.command("package")
@click.option("--target", type=click.Choice([*package.PLACES, "all"]), default="all", show_default=True)
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("dist"),
    show_default=True,
    help="Folder.",
)
@baseline_option
@list_option
@root_option
def package_command(
    target: str, output: Path, baseline_file: Path | None, list_files: tuple[str, ...], root: Path | None
) -> None:
    """Write what a SOC imports: a folder and an archive for each target, SHA256SUMS, a bill of materials.

    Lists that are given here fill the watchlists of Sentinel, and are written into the queries for Defender XDR.
    """
    pack = load(root)
    filled = with_given_lists(pack, baseline_file, list_files)
    files: dict[str, str | bytes] = {}
    for one in package.PLACES if target == "all" else (target,):
        # Sentinel and Splunk look lists up; in Defender XDR there is no other place for them than the query.
        made = convert.build(filled if one == "defender" else pack, TARGETS if one == "splunk" else (one,))
        for refused in made.refused:
            click.echo(f"not for {refused.target}: {refused.rule}: {refused.reason}", err=True)
        content = package.content(one, filled, made)
        content.write(output / one)
        files[package.archive_name(one, __version__)] = package.archive(one, content)
        click.echo(f"{one}: {len(content)} files")
    files |= _release_notes(pack, root)
    if sbom.available():
        files["sbom.cdx.json"] = sbom.sbom()
    else:
        click.echo("no bill of materials: install unissued[sbom] for one", err=True)
    written = package.Artefacts({**files, _SUMS: _sums(package.Artefacts(files))})
    written.write(output)
    for name in written:
        click.echo(f"{output / name}")


def _sums(files: Mapping[str, bytes]) -> str:
    return "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in files.items())


def _release_notes(pack: Pack, root: Path | None) -> dict[str, str]:
    """Return what changed since the last release, which only a checkout knows."""
    project = root or checkout()
    if project is None:
        return {}
    last = release.read(project / release.PATH) or {}
    found = release.changes(last, release.current(pack, convert.build(pack)))
    return {"RELEASE-NOTES.md": release.notes(found, __version__)}


@commands.command("release")
@root_option
def release_command(root: Path | None) -> None:
    """Write docs/release.json, which says what was released, and print what changed in the rules since.

    Refused while a rule's query changed and its version did not rise; 'build --check' says so, too.
    """
    project = project_folder(root)
    pack = load_pack(project / "sigma")
    last = release.read(project / release.PATH) or {}
    now = release.current(pack, convert.build(pack))
    if problems := release.not_raised(last, now):
        for problem in problems:
            click.echo(str(problem))
        raise click.exceptions.Exit(1)
    click.echo(release.notes(release.changes(last, now), __version__), nl=False)
    path = project / release.PATH
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, release.text(now, __version__))
