"""Untrusted text is read within bounds, or refused."""

import os

import pytest

from rlctl.cli.console import escape_controls
from rlctl.core.safe_io import MAX_DEPTH, MissingMember, parse_json, parse_toml, read


def test_plain_values_are_what_they_were():
    assert parse_json(b'{"a": [1, 2.5, null, true, "\xc3\xa9"]}') == {
        "a": [1, 2.5, None, True, "é"]
    }
    assert parse_toml(b"[a]\nb = [1]\n") == {"a": {"b": [1]}}
    assert parse_json(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)


@pytest.mark.parametrize(
    "data",
    [
        b'{"a": 1, "a": 2}', b"NaN", b"-Infinity", b"1e999", b"9" * 21, b"9" * 5000, b'"\xff"',
            b"{",
        b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), b"[" * 10**5 + b"]" * 10**5,
        b'{"a":' * 10**5 + b"1" + b"}" * 10**5, b"\xef\xbb\xbf{}", '"x"'.encode("utf-16"), b"",
    ],
)  # fmt: skip
def test_other_json_is_refused(data):
    with pytest.raises(ValueError, match=r"."):
        parse_json(data)


@pytest.mark.parametrize(
    "data",
    [
        b"x = " + b"[" * 10**4 + b"]" * 10**4, b"[" + b"a." * 50 + b"a]", b"\xff", b"\0",
            b"x = 0x", b"x =",
        b"x = " + b"9" * 5000, b"a." * 50 + b"a = 1",
        b"a." * 50_000 + b"a = 1",
    ],
)  # fmt: skip
def test_other_toml_is_refused(data):
    with pytest.raises(ValueError, match=r"."):
        parse_toml(data)


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "mark"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"], ids=["lf", "crlf"])
def test_toml_is_read_as_editors_save_it(mark, end):
    text = "[train]\nseed = 3  # r\xe9glage\n".encode().replace(b"\n", end)
    assert parse_toml(mark + text) == {"train": {"seed": 3}}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("[a]\nb = 'é'".encode("latin-1"), "line 2 has the byte 0xe9"),
        ("[a]\n# \u2013".encode("cp1252"), "line 2 has the byte 0x96"),
        ("[a]".encode("utf-16"), "perhaps UTF-16"),
        ("[a]".encode("utf-16-be"), "perhaps UTF-16"),
        ("[a]".encode("utf-32"), "perhaps UTF-16"),
        (b"[a]\rb = 1\r", r"'\[a\]\\rb = 1'"),
        ("[a]\nb\xa0= 1".encode(), r"'b\\xa0= 1'"),
        ("[a]\nb = “x”".encode(), r"'b = \\u201cx\\u201d'"),
    ],
)
def test_what_cannot_be_read_is_shown(data, message):
    with pytest.raises(ValueError, match=message):
        parse_toml(data)


def test_only_regular_files_up_to_a_size_are_read(tmp_path):
    (tmp_path / "x").write_bytes(b"12345")
    (tmp_path / "link").symlink_to("x")
    os.mkfifo(tmp_path / "pipe")
    assert read(tmp_path / "x", 5) == read(tmp_path / "link", 5) == b"12345"
    for path in (tmp_path / "pipe", "/dev/zero", tmp_path):
        with pytest.raises(OSError, match=r"regular|directory"):
            read(path, 5)
    with pytest.raises(OSError, match="more than 4 bytes"):
        read(tmp_path / "x", 4)


def test_a_missing_member_is_told():
    with pytest.raises(MissingMember, match="has no 'b'"):
        parse_json(b'{"a": {}}')["a"]["b"]


def test_letters_that_move_the_cursor_are_shown_as_escapes():
    escaped = r"a\x1b[2Jb\u202ec\x07\ud800é" + "\n\t"
    assert escape_controls("a\x1b[2Jb\u202ec\x07\ud800é\n\t") == escaped
    assert escape_controls("\033[31mred\033[0m") == "\033[31mred\033[0m"
