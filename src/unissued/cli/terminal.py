"""What the terminal shows: bars on stderr, text on stdout, files written whole."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from unissued.errors import PackError
from unissued.files import write_whole
from unissued.hunt import visible


def complain(error: PackError) -> None:
    """Show every problem of an error on stderr."""
    for problem in error.problems:
        click.echo(visible(str(problem), 1000), err=True)


@contextmanager
def reading_bar(quiet: bool) -> Iterator[Callable[[int, int], None] | None]:
    """Show a bar on stderr while reading, if stderr is a terminal."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    columns = (TextColumn("reading"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def asked_to_stop() -> Iterator[Callable[[], bool]]:
    """Take the first Ctrl-C as the wish to stop where it makes sense; the second one ends at once."""
    asked: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield lambda: bool(asked)
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def bar(quiet: bool) -> Iterator[Callable[[str, int, int], None] | None]:
    """Show bars on stderr while working, if stderr is a terminal."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        tasks: dict[str, TaskID] = {}

        def tick(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=total)
            bar.update(tasks[what], completed=min(done, total), total=total)

        yield tick


def write(text: str | Iterable[str], output: Path | None) -> None:
    """Write a text, or its parts, to a file, whole or not at all, or to stdout."""
    if output is None:
        for part in (text,) if isinstance(text, str) else text:
            click.echo(part, nl=False)
        return
    try:
        write_whole(output, text)
    except OSError as error:
        raise click.FileError(str(output), error.strerror or "cannot be written") from error


def plain_or_coloured(content: object, output: Path | None, *, no_color: bool = False) -> str:
    """Render for the terminal that stdout is, or as plain text of a fixed width for anything else."""
    terminal = output is None and sys.stdout.isatty()
    console = Console(
        force_terminal=terminal, no_color=no_color or not terminal, width=None if terminal else 140, highlight=False
    )
    with console.capture() as capture:
        console.print(content)
    return "".join(f"{line.rstrip()}\n" for line in capture.get().split("\n")).rstrip("\n") + "\n"


def echo_lines(lines: Iterable[str]) -> None:
    """Print lines in which log content may stand."""
    for line in lines:
        click.echo(visible(line, 1000))


def show(text: str) -> None:
    """Print a text in which log content may stand; its lines can be long."""
    for line in text.splitlines():
        click.echo(visible(line, 10_000))
