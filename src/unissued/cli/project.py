"""What commands work on: the project's folder, its rules, the logs and lists that the user gives."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Literal

import click

from unissued import baseline
from unissued.baseline.lists import read_list
from unissued.cli.terminal import asked_to_stop, reading_bar
from unissued.evaluate import comparable_lists
from unissued.files import whole
from unissued.hunt import Hunt, Question, Way, search, visible
from unissued.logs import Reading, RefusedFile, read, source_map
from unissued.pack import Pack, Rule, load_pack


def checkout() -> Path | None:
    """Return the project's root if this package runs from a checkout."""
    root = Path(__file__).parents[3]
    return root if (root / "sigma").is_dir() and (root / "build.py").is_file() else None


def project_folder(root: Path | None) -> Path:
    """Return the folder that holds sigma/, fixtures/, kql/ and spl/."""
    found = root or checkout() or Path.cwd()
    if not (found / "sigma").is_dir():
        raise click.UsageError(f"{found} is no checkout of the project: it has no sigma/. Name one with --root.")
    return found


def load(root: Path | None) -> Pack:
    """Load the rules of a root, of the checkout, or those that ship inside the package."""
    if root is None and checkout() is None:
        return load_pack(Path(__file__).parents[1] / "sigma")
    return load_pack(project_folder(root) / "sigma")


def named(pack: Pack, names: tuple[str, ...]) -> list[Rule]:
    """Return the rules of these names; one that does not exist is an error."""
    return [pack.rule(name) for name in names]


def read_logs(
    pack: Pack, paths: tuple[str, ...], *, quiet: bool, date_order: Literal["mdy", "dmy"] | None = None
) -> Reading:
    """Read logs with a bar, if the terminal can show one."""
    with reading_bar(quiet) as report:
        return read(tuple(map(Path, paths)), source_map(pack.catalogue), date_order=date_order, progress=report)


def search_what_can_be(
    question: Question, paths: tuple[str, ...], way: Way, *, quiet: bool, refused: Path | None = None
) -> Hunt:
    """Hunt through logs until the end or the first Ctrl-C, and write the refused records to a file if one is named."""
    with ExitStack() as stack:
        report = stack.enter_context(reading_bar(quiet))
        try:
            file = RefusedFile(stack.enter_context(whole(refused))) if refused else None
        except OSError as error:
            raise click.FileError(str(refused), error.strerror or "cannot be written") from error
        stop = stack.enter_context(asked_to_stop())
        found = search(question, tuple(map(Path, paths)), replace(way, refused=file), report, stop, _tell)
    if found.reading.interrupted:
        click.echo("interrupted: what follows is about what was read so far", err=True)
    return found


def _tell(said: str) -> None:
    click.echo(visible(said, 1000), err=True)


def list_files_of(pack: Pack, items: tuple[str, ...]) -> dict[str, Path]:
    """Return the files that ``--list NAME=FILE`` names, by the name of the list."""
    files: dict[str, Path] = {}
    for item in items:
        name, _, file = item.partition("=")
        if name not in pack.catalogue.lists or not file:
            known = ", ".join(sorted(pack.catalogue.lists))
            raise click.BadParameter(f"{item!r} is not NAME=FILE with a name of {known}", param_hint="--list")
        files[name] = Path(file)
    return files


def with_given_lists(pack: Pack, baseline_file: Path | None, items: tuple[str, ...]) -> Pack:
    """Return a pack whose queries hold the lists of a baseline and of ``--list`` instead of looking them up."""
    given = given_lists(pack, baseline_file, list_files_of(pack, items))
    comparable = comparable_lists(pack.catalogue, given)
    entries = {name: comparable[name] for name in given}
    return Pack(pack.rules, pack.catalogue.with_lists(entries))


def given_lists(pack: Pack, baseline_file: Path | None, files: Mapping[str, Path]) -> dict[str, frozenset[str]]:
    """Return the lists of a baseline and of files; a file wins over the baseline."""
    lists = baseline.read_baseline(baseline_file).lists() if baseline_file else {}
    return {**lists, **{name: read_list(file, pack.catalogue.lists[name]) for name, file in files.items()}}
