"""The journal: whole lines only, whatever a killed or failing writer left, seen by every process."""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.store.disk import Disk
from triage.store import journal as journal_module
from triage.store.errors import StoreDamaged, StoreTooNew, StoreUnavailable, SyncFailed
from triage.store.files import OS, Files
from triage.store.journal import Journal

REMEDY = "Move it away."
Open = Callable[..., Journal]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "words.jsonl"


@pytest.fixture
def open_journal(path: Path) -> Open:
    """Opens the journal as another process would."""

    def open_it(files: Files = OS) -> Journal:
        return Journal(path, "words", remedy=REMEDY, files=files)

    return open_it


def put(journal: Journal, *lines: bytes, sync: bool = False) -> None:
    """Append as writers do: under the lock, with everything read."""
    with journal.lock:
        rest(journal)
        if not journal.exists:
            journal.rewrite([])
        for line in lines:
            journal.append(line, sync=sync)


def rest(journal: Journal) -> list[bytes]:
    """All that is still to be read."""
    lines: list[bytes] = []
    more = True
    while more:
        batch = journal.read()
        lines = batch.lines if batch.fresh else lines + batch.lines
        more = batch.more
    return lines


def doubtful(journal: Journal) -> bool:
    return journal.doubtful


def everything(path: Path) -> list[bytes]:
    return rest(Journal(path, "words", remedy=REMEDY))


def test_a_journal_that_is_not_there_is_empty_and_reading_makes_none(open_journal: Open, path: Path) -> None:
    journal = open_journal()
    assert rest(journal) == []
    assert not journal.exists
    assert not path.parent.joinpath("words.jsonl.lock").exists()
    assert not path.exists()


def test_what_is_appended_is_read_by_itself_and_by_others(open_journal: Open, path: Path) -> None:
    writer, reader = open_journal(), open_journal()
    put(writer, b'"one"', b'"two"')
    assert rest(reader) == [b'"one"', b'"two"']
    put(reader, b'"three"')
    assert rest(writer) == [b'"three"']
    assert rest(reader) == []
    assert everything(path) == [b'"one"', b'"two"', b'"three"']


def test_the_file_is_for_its_owner_alone_and_says_what_it_is(open_journal: Open, path: Path) -> None:
    put(open_journal(), b"1")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    header = json.loads(path.read_bytes().split(b"\n")[0])
    assert (header["format"], header["version"]) == ("words", 1)


def test_looking_costs_one_stat_while_nothing_was_written(open_journal: Open) -> None:
    put(open_journal(), b"1")
    disk = Disk()
    reader = open_journal(disk)
    rest(reader)
    disk.calls.clear()
    for _ in range(5):
        assert reader.read().lines == []
    assert disk.calls == ["stat"] * 5


def test_reading_on_does_not_read_again_what_was_read(open_journal: Open) -> None:
    put(open_journal(), *[b"%d" % number + b" " * 1000 for number in range(500)])
    disk = Disk()
    reader = open_journal(disk)
    rest(reader)
    assert disk.read_bytes > 500_000
    disk.read_bytes = 0
    put(open_journal(), b"more")
    assert rest(reader) == [b"more"]
    assert disk.read_bytes < 5_000


def test_a_line_torn_at_any_byte_is_left_by_readers_and_cut_off_by_the_next_writer(
    open_journal: Open, path: Path
) -> None:
    put(open_journal(), b'{"a":1}')
    whole = path.read_bytes()
    last = b'{"b":"\xc3\xa9\\"}"}\n'
    for length in range(len(last)):
        torn = whole + last[:length]
        path.write_bytes(torn)
        reader, writer = open_journal(), open_journal()
        assert rest(reader) == [b'{"a":1}']
        assert rest(reader) == []
        assert path.read_bytes() == torn
        put(writer, b'{"c":3}')
        assert path.read_bytes() == whole + b'{"c":3}\n'
        assert rest(reader) == [b'{"c":3}']


def test_a_torn_line_replaced_by_one_of_the_same_length_is_noticed(open_journal: Open, path: Path) -> None:
    put(open_journal(), b"1")
    whole = path.read_bytes()
    path.write_bytes(whole + b"torn!")
    reader = open_journal()
    assert rest(reader) == [b"1"]
    seen = path.stat()
    put(open_journal(), b"four")
    os.utime(path, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    assert path.stat().st_size == seen.st_size
    assert rest(reader) == [b"four"]


@pytest.mark.parametrize(
    "content",
    [
        b"hello\n",
        b"hello",
        b'{"format":"other","version":1}\n',
        b'{"format":"words"}\n',
        b'{"format":"words","version":"1"}\n',
        b'{"format":"words","version":0}\n',
        b'["words",1]\n',
        b"\x00" * 100,
        b"\xff\xfe\n",
        b"SQLite format 3\x00" + bytes(range(256)),
        b'{"_default": {"1": {"a": 1}}}',
        b"\n",
        b"[" * 2000 + b"\n",
    ],
)
def test_a_foreign_file_is_refused_and_not_touched(open_journal: Open, path: Path, content: bytes) -> None:
    path.write_bytes(content)
    journal = open_journal()
    for _ in range(2):
        with pytest.raises(StoreDamaged) as caught:
            journal.read()
        assert caught.value.line == 1
        assert str(caught.value) == f"{path}, line 1: this is not a words file. {REMEDY}"
    with pytest.raises(StoreDamaged):
        put(journal, b"1")
    assert path.read_bytes() == content


@pytest.mark.parametrize("end", [b"\n", b'\n{"strange": [}\n', b""])
def test_a_file_of_a_newer_version_is_refused_in_words(open_journal: Open, path: Path, end: bytes) -> None:
    content = b'{"format":"words","version":2,"more":{}}' + end
    path.write_bytes(content)
    with pytest.raises(StoreTooNew) as caught:
        open_journal().read()
    assert str(caught.value) == (
        f"{path} was written by a newer triage (format 2; this one reads up to 1). "
        "Update triage, or point TRIAGE_DATA at another directory."
    )
    with pytest.raises(StoreTooNew):
        put(open_journal(), b"1")
    assert path.read_bytes() == content


def test_a_newer_version_that_takes_the_files_place_is_noticed(open_journal: Open, path: Path) -> None:
    journal = open_journal()
    put(journal, b"1")
    path.with_name("newer").write_bytes(b'{"format":"words","version":9}\n')
    path.with_name("newer").replace(path)
    with pytest.raises(StoreTooNew):
        put(journal, b"2")


@pytest.mark.parametrize("content", [b"", b'{"format":"words","version":1}'])
def test_a_file_without_even_a_first_line_is_begun_anew(
    open_journal: Open, path: Path, content: bytes
) -> None:
    path.write_bytes(content)
    journal = open_journal()
    assert rest(journal) == []
    assert not journal.exists
    put(journal, b"1")
    assert everything(path) == [b"1"]


def test_the_error_for_a_damaged_line_names_file_number_and_remedy(open_journal: Open, path: Path) -> None:
    journal = open_journal()
    put(journal, b"1", b"2")
    assert rest(open_journal()) == [b"1", b"2"]
    batch = open_journal().read()
    assert batch.first == 2
    assert str(journal.damaged(3, "why")) == f"{path}, line 3: why. {REMEDY}"
    assert str(journal.damaged(0, "why")) == f"{path}: why. {REMEDY}"
    put(open_journal(), b"3")
    assert journal.read().first == 4


def test_compaction_is_seen_by_who_has_the_old_file_open(open_journal: Open, path: Path) -> None:
    reader, writer = open_journal(), open_journal()
    put(writer, b"1", b"2", b"3")
    assert rest(reader) == [b"1", b"2", b"3"]
    with writer.lock:
        writer.read()
        writer.rewrite([b"3"])
    batch = reader.read()
    assert (batch.lines, batch.fresh, batch.first) == ([b"3"], True, 2)
    put(reader, b"4")
    assert rest(writer) == [b"4"]
    assert not path.with_name("words.jsonl.new").exists()


def test_another_file_is_known_by_its_first_line_though_everything_else_is_alike(
    open_journal: Open, path: Path, tmp_path: Path
) -> None:
    """The system gives a removed file's inode to the next new file, and sizes may agree."""
    long = b'"%s"' % (b"x" * 6000)
    put(open_journal(), b'"a"', long)
    reader = open_journal()
    assert rest(reader) == [b'"a"', long]
    before = path.stat()
    other = Journal(tmp_path / "other.jsonl", "words", remedy=REMEDY)
    put(other, b'"b"', long, b'"d"')
    path.write_bytes(other.path.read_bytes())
    assert path.stat().st_ino == before.st_ino
    assert rest(reader) == [b'"b"', long, b'"d"']


def test_a_file_replaced_between_the_look_and_the_reading_is_read_whole(
    open_journal: Open, path: Path
) -> None:
    class Racing(Files):
        """Another process compacts just before the file is opened."""

        race = False

        def open(self, path: Path, flags: int) -> int:
            if self.race:
                self.race = False
                other = open_journal()
                with other.lock:
                    other.read()
                    other.rewrite([b'"compacted"', b'"and"', b'"longer than it was before"'])
            return super().open(path, flags)

    racing = Racing()
    reader = open_journal(racing)
    put(open_journal(), b"1", b"2")
    assert rest(reader) == [b"1", b"2"]
    put(open_journal(), b"3")
    racing.race = True
    assert rest(reader) == [b'"compacted"', b'"and"', b'"longer than it was before"']


@pytest.mark.parametrize("then", [b"222", b"2", b"22222222222"])
def test_a_line_that_was_taken_back_is_forgotten_by_who_read_it(
    open_journal: Open, path: Path, then: bytes
) -> None:
    reader, writer = open_journal(), open_journal()
    put(writer, b"1")
    size = path.stat().st_size
    put(writer, b"xxx")
    assert rest(reader) == [b"1", b"xxx"]
    os.truncate(path, size)
    put(open_journal(), then)
    assert rest(reader) == [b"1", then]


def test_a_file_that_was_moved_away_is_begun_anew(open_journal: Open, path: Path) -> None:
    journal = open_journal()
    put(journal, b"1")
    path.rename(path.with_name("kept"))
    batch = journal.read()
    assert (batch.lines, batch.fresh) == ([], True)
    assert journal.read().fresh is False
    put(journal, b"2")
    assert everything(path) == [b"2"]


@pytest.mark.parametrize("at_most", [1, 2, 7, 64, 200])
def test_a_long_file_is_read_in_parts(
    open_journal: Open, monkeypatch: pytest.MonkeyPatch, at_most: int
) -> None:
    lines = [b"%d" % number * (number % 40 + 1) for number in range(100)] + [b"x" * 1000]
    put(open_journal(), *lines)
    monkeypatch.setattr(journal_module, "READ_BYTES", at_most)
    reader = open_journal()
    firsts, found = [], []
    while True:
        batch = reader.read()
        firsts.append(batch.first)
        found += batch.lines
        assert batch.fresh is (len(firsts) == 1)
        if not batch.more:
            break
    assert found == lines
    assert len(firsts) > 3
    assert reader.read().lines == []
    put(open_journal(), b"y" * 500)
    assert rest(reader) == [b"y" * 500]


def test_compaction_in_the_middle_of_a_long_reading_begins_it_anew(
    open_journal: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(open_journal(), *[b"%d" % number for number in range(100)])
    monkeypatch.setattr(journal_module, "READ_BYTES", 50)
    reader = open_journal()
    assert reader.read().more
    other = open_journal()
    with other.lock:
        rest(other)
        other.rewrite([b'"only this"'])
    assert rest(reader) == [b'"only this"']


@pytest.mark.parametrize("at", range(1, 12))
def test_a_write_that_fails_leaves_no_line_and_the_next_one_works(
    open_journal: Open, path: Path, at: int
) -> None:
    """Its calls: a stat, an open, nine writes of three bytes each, a close."""
    put(open_journal(), b"1")
    journal = open_journal(Disk(fail_at=5 + at, code=errno.ENOSPC, most=3))
    rest(journal)
    with journal.lock, pytest.raises(StoreUnavailable) as caught:
        journal.append(b"too long for a single write", sync=False)
    assert str(caught.value) == f"{path} cannot be written: the disk is full; free some space and try again."
    assert everything(path) == [b"1"]
    put(open_journal(), b"2")
    assert everything(path) == [b"1", b"2"]


def test_a_write_that_may_not_last_is_said_to_be_such(open_journal: Open, path: Path) -> None:
    class BadEnd(Files):
        bad = False

        def close(self, descriptor: int) -> None:
            super().close(descriptor)
            if self.bad:
                raise OSError(errno.EIO, os.strerror(errno.EIO))

    files = BadEnd()
    journal = open_journal(files)
    put(journal, b"1")
    rest(journal)
    files.bad = True
    with journal.lock, pytest.raises(SyncFailed):
        journal.append(b"2", sync=False)
    assert journal.doubtful


def test_a_line_that_can_neither_be_acknowledged_nor_taken_back_is_said_to_be_in_doubt(
    open_journal: Open, path: Path
) -> None:
    class Stubborn(Files):
        def write(self, descriptor: int, data: bytes | memoryview) -> int:
            super().write(descriptor, data)
            raise OSError(errno.EIO, os.strerror(errno.EIO))

        def truncate(self, descriptor: int, size: int) -> None:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    put(open_journal(), b"1")
    journal = open_journal(Stubborn())
    rest(journal)
    with journal.lock, pytest.raises(StoreUnavailable, match="cannot be written for certain: the disk"):
        journal.append(b"2", sync=False)
    assert rest(journal) == [b"2"]


def test_whole_lines_that_were_not_read_are_never_cut_off(open_journal: Open, path: Path) -> None:
    journal = open_journal()
    put(journal, b"1")
    put(open_journal(), b"2")
    with journal.lock, pytest.raises(StoreUnavailable, match="another program changed it"):
        journal.append(b"3", sync=False)
    assert everything(path) == [b"1", b"2"]


def test_a_system_that_takes_no_bytes_does_not_hang_the_writer(open_journal: Open, path: Path) -> None:
    class Stuck(Files):
        def write(self, descriptor: int, data: bytes | memoryview) -> int:
            return 0

    put(open_journal(), b"1")
    with pytest.raises(StoreUnavailable, match="cannot be written"):
        put(open_journal(Stuck()), b"2")
    assert everything(path) == [b"1"]


def test_after_a_failed_fsync_the_file_is_doubtful_until_it_is_written_anew(
    open_journal: Open, path: Path
) -> None:
    class Unsure(Files):
        sick = False

        def sync(self, descriptor: int) -> None:
            if self.sick:
                raise OSError(errno.EIO, os.strerror(errno.EIO))

    files = Unsure()
    journal = open_journal(files)
    put(journal, b"1", sync=True)
    files.sick = True
    with pytest.raises(SyncFailed, match="the disk reports an error; look at the system's log"):
        put(journal, b"2", sync=True)
    assert doubtful(journal)
    with pytest.raises(StoreUnavailable, match="cannot be written: the disk reports an error"):
        journal.rewrite([b"1", b"2"])
    files.sick = False
    journal.rewrite([b"1", b"2"])
    put(journal, b"3")
    assert everything(path) == [b"1", b"2", b"3"]
    assert not doubtful(journal)


def test_a_new_file_whose_name_may_not_last_stays_doubtful(open_journal: Open, path: Path) -> None:
    class NamesFail(Files):
        sick = False

        def sync(self, descriptor: int) -> None:
            if self.sick and stat.S_ISDIR(os.fstat(descriptor).st_mode):
                raise OSError(errno.EIO, os.strerror(errno.EIO))

    files = NamesFail()
    journal = open_journal(files)
    put(journal, b"1")
    files.sick = True
    with pytest.raises(StoreUnavailable, match="cannot be written for certain"):
        journal.rewrite([b"1", b"2"])
    assert journal.doubtful
    assert rest(journal) == [b"1", b"2"]


def test_nothing_is_cut_from_a_file_that_is_not_the_one_read(open_journal: Open, path: Path) -> None:
    journal = open_journal()
    put(journal, b"1")
    with journal.lock:
        journal.read()
        path.write_bytes(b'{"format":"words","version":1}\n"another"\n"file"\n')
        with pytest.raises(StoreUnavailable, match="another program changed it"):
            journal.append(b"2", sync=False)
    assert everything(path) == [b'"another"', b'"file"']


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "directory.jsonl").mkdir()
    with pytest.raises(StoreUnavailable, match=r"directory\.jsonl cannot be read: is a directory"):
        Journal(tmp_path / "directory.jsonl", "words", remedy=REMEDY).read()
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailable, match="cannot be read: not a directory"):
        Journal(tmp_path / "file" / "x.jsonl", "words", remedy=REMEDY).read()
