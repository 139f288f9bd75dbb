"""Tests of API keys and rate limits."""

import pytest

from fitroom.errors import InputError
from fitroom.serve.keys import Gate, digest, read_keys
from fitroom.serve.problems import Refusal

KEY = "correct-horse-battery"


def test_keys_are_read_from_a_file_and_bad_files_refused(tmp_path):
    path = tmp_path / "keys"
    path.write_text(f"# the shop\nshop {KEY}\n\nother {KEY[::-1]}\n")
    assert read_keys(path) == {"shop": digest(KEY), "other": digest(KEY[::-1])}
    for text, says in (
        ("", "no key in it"),
        ("shop short", "line 1: need a unique name"),
        (KEY, "line 1: need a unique name"),
        (f"a {KEY}\na {KEY}x", "line 2: need a unique name"),
    ):
        path.write_text(text)
        with pytest.raises(InputError, match=says):
            read_keys(path)
    with pytest.raises(InputError, match="can't be read"):
        read_keys(tmp_path / "none")


def test_without_keys_every_request_is_admitted():
    for _ in range(10):
        Gate({}, "1/minute").admit(None, None)


@pytest.mark.parametrize("given", [(f"Bearer {KEY}", None), (f"bearer  {KEY} ", None), (None, KEY)])
def test_requests_with_a_valid_key_are_admitted(given):
    Gate({"shop": digest(KEY)}, "2/minute").admit(*given)


@pytest.mark.parametrize(
    "given",
    [(None, None), (f"Basic {KEY}", None), ("Bearer ", None), (None, KEY + "x"), (None, KEY[:-1]), (None, "\udcff")],
)
def test_requests_with_a_missing_or_wrong_key_are_refused(given):
    with pytest.raises(Refusal) as refused:
        Gate({"shop": digest(KEY)}, "2/minute").admit(*given)
    assert refused.value.status == 401


def test_requests_over_the_rate_limit_of_their_key_are_refused():
    gate = Gate({"shop": digest(KEY), "other": digest(KEY + "2")}, "2/minute")
    gate.admit(None, KEY)
    gate.admit(None, KEY)
    with pytest.raises(Refusal) as refused:
        gate.admit(None, KEY)
    assert refused.value.status == 429
    assert 0 < refused.value.retry_after <= 60
    gate.admit(None, KEY + "2")


def test_invalid_rates_are_refused():
    with pytest.raises(InputError, match="300/minute"):
        Gate({}, "often")
