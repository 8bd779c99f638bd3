"""Names and sentences from outside: one printable line, one plain name."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rde_roto.values.plain_text import is_plain_name, is_utf_8, one_line, plain_name

ANY = st.characters(exclude_categories=())
"""Surrogates too, by which Python shows bytes that are not UTF-8."""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("hero 镜头 ünï", "hero 镜头 ünï"),
        ("a\nb\x1b[31m", "a\\nb\\x1b[31m"),
        (os.fsdecode(b"caf\xe9"), "caf\\xe9"),
        ("\ud800", "\\ud800"),
        ("right\u202eleft", "right\\u202eleft"),
    ],
)
def test_what_is_not_printable_is_escaped(text: str, said: str) -> None:
    assert one_line(text) == said


@given(st.text(alphabet=ANY))
def test_one_line_is_one_printable_line_of_utf_8(text: str) -> None:
    said = one_line(text)
    assert said.isprintable()
    assert is_utf_8(said)


@pytest.mark.parametrize(
    "text", ["", ".", "..", ".hidden", "a/b", "/a", "../a", "a\\b", "a\0b", "a\nb", "\udce9"]
)
def test_what_is_no_plain_name(text: str) -> None:
    assert not is_plain_name(text)


@given(st.text(alphabet=ANY), st.integers(min_value=4, max_value=40))
def test_a_plain_name_is_one(text: str, most: int) -> None:
    name = plain_name(text, most)
    assert is_plain_name(name)
    assert len(name.encode()) <= most


@given(st.text(min_size=1).filter(is_plain_name))
def test_a_plain_name_stays(text: str) -> None:
    assert plain_name(text, 10_000) == text


def test_names_that_are_not_utf_8_are_told() -> None:
    assert is_utf_8("镜头")
    assert not is_utf_8(os.fsdecode(b"caf\xe9"))
