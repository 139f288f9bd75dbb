"""Tests of media types, form schemas and the answers to errors."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fitroom.errors import InputError, OutputError
from fitroom.serve.answers import MEDIA_TYPES, accepted, form_schema
from fitroom.serve.problems import Refusal, as_refusal


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        ("*/*", "image/png"),
        ("image/*", "image/png"),
        ("image/webp", "image/webp"),
        ("image/avif,image/webp,*/*;q=0.8", "image/webp"),
        ("application/json", "application/json"),
        ("image/png;q=0.1, application/json;q=0.9", "application/json"),
        ("text/html, Image/JPEG", "image/jpeg"),
        ("application/*", "application/json"),
    ],
)
def test_accept_header_selects_the_media_type(header, kind):
    assert accepted(header) == kind


@given(st.text(max_size=60))
def test_any_accept_header_gives_a_known_media_type_or_a_refusal(header):
    with suppress(Refusal):
        assert accepted(header) in MEDIA_TYPES


def test_form_schema_lists_required_and_optional_parts():
    schema = form_schema(("garment", "garment_mask"), ())["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert schema["required"] == ["garment"]
    assert set(schema["properties"]) == {"garment", "garment_mask"}


def test_service_failures_give_500_without_the_path_and_input_errors_400(caplog):
    refusal = as_refusal(OutputError("/data/garments/a: can't be written (No space left on device)."))
    assert (refusal.status, refusal.code) == (500, "failure")
    assert "/data" not in refusal.detail
    assert "/data/garments/a" in caplog.text
    assert as_refusal(InputError("size: need photo or model.")).status == 400
