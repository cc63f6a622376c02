"""Archives and compressed files: opened by content, inside one another, and never trusted."""

from __future__ import annotations

import gzip
import io
import stat
import sys
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import duckdb
import py7zr
import pytest

from conftest import shipped_pack
from exported import BOTH, COMPACT, CORES, EXPORTS, guid, hunted, lines, office, signin
from unissued.errors import LogError
from unissued.logs import Count, Reading, read, source_map

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

LOG = lines(*CORES)
Pack = Callable[[Mapping[str, bytes]], bytes]


def zipped(files: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def tarred(files: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def sevened(files: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with py7zr.SevenZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(content, name)
    return out.getvalue()


ARCHIVES: dict[str, Pack] = {
    "zip": zipped,
    "tar": tarred,
    "7z": sevened,
    "tar.gz": lambda files: gzip.compress(tarred(files)),
    "tar.zst": lambda files: zstd.compress(tarred(files)),
    "zip in zip": lambda files: zipped({"inner": zipped(files)}),
    "7z in tar.gz": lambda files: gzip.compress(tarred({"inner": sevened(files)})),
}


def read_at(path: Path) -> Reading:
    result = read([path], source_map(shipped_pack().catalogue))
    assert all(report.count.balanced for report in result.files)
    return result


def read_bytes(folder: Path, content: bytes) -> Reading:
    (folder / "evidence.txt").write_bytes(content)
    return read_at(folder / "evidence.txt")


@pytest.mark.parametrize("kind", ARCHIVES)
def test_archive_is_opened_whatever_its_name_and_its_members_are_named(kind: str, tmp_path: Path) -> None:
    files = {"a/ual.csv": EXPORTS["search_csv"].files["ual.csv"], "b.json": LOG, "notes.md": b"# Notes\n"}
    result = read_bytes(tmp_path, ARCHIVES[kind](files))
    assert result.count == Count(4, 2, 2, 0, 0)
    assert result.partial == []
    inside = {report.file.rsplit("!", 1)[-1]: report.shape[:2] for report in result.files if "!" in report.file}
    assert inside.items() >= {"a/ual.csv": "A3", "b.json": "A8", "notes.md": "no"}.items()
    assert {record.origin.file.rsplit("!", 1)[-1] for record in result.records} == {"a/ual.csv"}


@pytest.mark.parametrize("packed", [gzip.compress(LOG), zstd.compress(LOG), gzip.compress(zstd.compress(LOG))])
def test_compressed_file_keeps_its_own_name(packed: bytes, tmp_path: Path) -> None:
    result = read_bytes(tmp_path, packed)
    assert [Path(report.file).name for report in result.files] == ["evidence.txt"]
    assert frozenset(record.id for record in result.records) == BOTH


def test_frames_and_members_one_after_the_other_are_one_file(tmp_path: Path) -> None:
    for compress in (gzip.compress, zstd.compress):
        assert read_bytes(tmp_path, compress(lines(CORES[0])) + compress(lines(CORES[1]))).count.used == 2


def test_four_layers_are_opened_and_five_are_not(tmp_path: Path) -> None:
    content = LOG
    for layers in range(1, 6):
        content = gzip.compress(content)
        result = read_bytes(tmp_path, content)
        assert result.count.used == (2 if layers <= 4 else 0)
    assert "more than 4 containers" in result.partial[0]


MANY = lines(*({**CORES[0], "Id": guid(number)} for number in range(2000)))


@pytest.mark.parametrize(
    ("content", "sign", "records"),
    [
        (gzip.compress(MANY)[:-2000], "ends early or is damaged", True),
        (gzip.compress(MANY) + b"garbage", "ends early or is damaged", True),
        (gzip.compress(MANY)[:-8] + bytes(8), "ends early or is damaged", True),
        (zstd.compress(MANY)[:-2000], "ends early or is damaged", True),
        (zstd.compress(LOG)[:-1], "ends early or is damaged", False),
        (zipped({"a": MANY})[:-30], "zip archive that ends early", False),
        (zipped({"a": LOG}).replace(b"\x50\x4b\x03\x04", b"\x50\x4b\x03\x05", 1), "", False),
        (tarred({"a": MANY})[: len(MANY) // 2], "archive ends early", True),
        (gzip.compress(tarred({"a": LOG, "b": MANY}))[:-3000], "ends early or is damaged", True),
        (sevened({"a": MANY})[:-100], "7z archive that is damaged", False),
        (sevened({"a": MANY})[:20], "7z archive that is damaged", False),
    ],
)
def test_damage_is_told_and_what_was_whole_is_kept(content: bytes, sign: str, records: bool, tmp_path: Path) -> None:
    if not sign:
        with pytest.raises(LogError, match="not a log"):
            read_bytes(tmp_path, content)
        return
    result = read_bytes(tmp_path, content)
    assert any(sign in reason for reason in result.partial), result.partial
    assert bool(result.records) is records


def test_links_and_paths_in_archives_lead_nowhere(tmp_path: Path) -> None:
    (tmp_path / "secret.json").write_bytes(LOG)
    link = zipfile.ZipInfo("link.json")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(link, "../secret.json")
        archive.writestr("../../escape.json", LOG)
    with tarfile.open(tmp_path / "t.tar", "w") as tar:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE):
            info = tarfile.TarInfo(f"link{kind!r}")
            info.type, info.linkname = kind, "secret.json"
            tar.addfile(info)
    (tmp_path / "case").mkdir()
    result = read_bytes(tmp_path / "case", out.getvalue())
    assert result.count.used == 2
    assert result.files[-1].notes == ["2 members", "1 members are links or devices, which are not followed"]
    assert not (tmp_path / "escape.json").exists()
    linked = read_at(tmp_path / "t.tar")
    assert linked.count.read == 0
    assert linked.partial == [f"{tmp_path.as_posix()}/t.tar: no log in it"]


def test_encrypted_and_unknown_members_are_refused_and_the_others_read(tmp_path: Path) -> None:
    content = bytearray(zipped({"a.json": LOG, "b.json": LOG}))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(mark) + offset] |= 1
    result = read_bytes(tmp_path, bytes(content))
    assert result.count.used == 2
    assert [refusal.reason for refusal in result.refusals] == ["encrypted; unpack it first"]
    method = bytearray(zipped({"a.json": LOG, "b.json": LOG}))
    for mark, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        method[method.index(mark) + offset] = 14
    assert "method that is not read" in read_bytes(tmp_path, bytes(method)).refusals[0].reason


def test_archive_without_a_log_is_partial(tmp_path: Path) -> None:
    result = read_bytes(tmp_path, zipped({"zeros.bin": bytes(1000), "notes.md": b"# Notes\n"}))
    assert result.partial == [f"{tmp_path.as_posix()}/evidence.txt: no log in it"]


def test_named_file_that_is_no_log_does_not_stop_the_others(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text("<html>Sign in</html>")
    (tmp_path / "b.json").write_bytes(LOG)
    result = read([tmp_path / "a.html", tmp_path / "b.json"], source_map(shipped_pack().catalogue))
    assert result.count.used == 2
    assert "a.html: is not a log of a known shape" in result.partial[0]


def test_folder_without_a_log_and_links_in_it_are_partial(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("# Notes\n")
    assert read_at(tmp_path).partial == [f"{tmp_path.as_posix()}: no log in it"]
    (tmp_path / "link.json").symlink_to(tmp_path / "README.md")
    assert read_at(tmp_path).partial == [f"{tmp_path.as_posix()}/link.json: a link, which is not followed"]


# Parquet ------------------------------------------------------------------------------------------------------------


def parquet(path: Path, query: str, source: bytes) -> bytes:
    (path / "source.json").write_bytes(source)
    target = path / "made.parquet"
    rows = "read_json($source, format = 'newline_delimited', maximum_object_size = 1000000)"
    with duckdb.connect() as engine:
        engine.execute(
            f"COPY (SELECT {query} FROM {rows}) TO '{target}' (FORMAT parquet)",  # noqa: S608
            {"source": str(path / "source.json")},
        )
    (path / "source.json").unlink()
    content = target.read_bytes()
    target.unlink()
    return content


TIMED = '* REPLACE (TimeGenerated::TIMESTAMPTZ AS TimeGenerated), \'noise\' AS Noise, 7 AS "A ""b"'


@pytest.mark.parametrize("wrap", [bytes, gzip.compress, lambda content: zipped({"x.parquet": content})])
def test_typed_parquet_gives_what_the_rows_give_as_json(wrap: Callable[[bytes], bytes], tmp_path: Path) -> None:
    source = lines(office(1), office(2))
    result = read_bytes(tmp_path, wrap(parquet(tmp_path, TIMED, source)))
    expected = read_bytes(tmp_path, source)
    assert result.files[0].shape == "D4 table rows in Parquet"
    assert result.count == Count(2, 2, 0, 0, 0)
    assert [record.origin.line for record in result.records] == [1, 2]
    assert [record.time for record in result.records] == [record.time for record in expected.records]
    assert [dict(record.fields) for record in result.records] == [dict(record.fields) for record in expected.records]


def test_parquet_with_objects_and_one_with_the_record_as_text(tmp_path: Path) -> None:
    rows = lines(*({**hunted(number, as_text=True), "Type": "CloudAppEvents"} for number in (1, 2)))
    assert read_bytes(tmp_path, parquet(tmp_path, "*", rows)).count.used == 2
    text = lines(*({"partition": 3, "body": one} for one in (*COMPACT, "{cut")))
    result = read_bytes(tmp_path, parquet(tmp_path, "partition, body::VARCHAR AS body", text))
    assert result.count == Count(3, 2, 0, 1, 0)
    assert (result.refusals[0].line, "body" in result.refusals[0].reason) == (3, True)


def test_objects_in_parquet_are_objects(tmp_path: Path) -> None:
    row = {"Type": "SigninLogs", "TimeGenerated": "2026-03-11T07:51:00Z"}
    row |= {key[0].upper() + key[1:]: value for key, value in signin(1).items() if key != "resourceId"}  # type: ignore[misc]
    status = "* REPLACE ({'errorCode': 50126, 'failureReason': 'x'} AS Status, 1.5::DECIMAL(4,2) AS IsInteractive)"
    [record] = read_bytes(tmp_path, parquet(tmp_path, status, lines(row))).records
    assert record.fields["Status"] == {"errorCode": 50126, "failureReason": "x"}


def test_parquet_that_is_cut_or_no_log_is_told(tmp_path: Path) -> None:
    content = parquet(tmp_path, "*", lines(office(1)))
    assert "Parquet file that cannot be read" in read_bytes(tmp_path, content[:-20]).partial[0]
    with pytest.raises(LogError, match="not a log"):
        read_bytes(tmp_path, parquet(tmp_path, "*", lines({"a": 1, "b": "x"})))


@pytest.mark.parametrize(
    ("library", "content", "extra"),
    [("duckdb", b"PAR1" + bytes(100) + b"PAR1", "unissued[parquet]"), ("py7zr", sevened({"a": LOG}), "unissued[7z]")],
)
def test_without_the_library_the_file_is_refused_with_the_extra_to_install(
    library: str, content: bytes, extra: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("unissued.logs.parquet", "unissued.logs.sevenzip"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setitem(sys.modules, library, None)
    (tmp_path / "log.json").write_bytes(LOG)
    (tmp_path / "other").write_bytes(content)
    result = read_at(tmp_path)
    assert result.count.used == 2
    assert extra in result.partial[0]
    assert extra in result.refusals[0].reason


def test_unknown_content_that_is_cut_is_not_called_no_log(tmp_path: Path) -> None:
    (tmp_path / "log.json").write_bytes(LOG)
    (tmp_path / "cut.gz").write_bytes(gzip.compress(b"<html>" + bytes(range(32, 127)))[:-20])
    result = read_at(tmp_path)
    assert [report.shape[:6] for report in result.files] == ["unread", "A8 bar"]
    assert "ends early or is damaged" in result.partial[0]
