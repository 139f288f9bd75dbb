"""Tests of the service's answers, within one process. tests/e2e tests a running server."""

import base64
import io
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from PIL import Image
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import status_code_conformance

from fitroom import TryOn
from fitroom.errors import InputError
from fitroom.photo import decode, masks
from fitroom.photo.encode import encode_picture
from fitroom.photo.frames import Frame
from fitroom.photo.framing import Framed
from fitroom.serve.app import create_app
from fitroom.serve.metrics import Metrics
from fitroom.serve.settings import ServeConfig, check_bind
from fitroom.serve.studio import Studio
from test_images import bomb

KEY = "correct-horse-battery"


def client_of(tmp_path, **changes):
    config = ServeConfig(**{"data_dir": tmp_path / "data", "workers": 2, **changes})
    metrics = Metrics()
    return TestClient(create_app(config, Studio(config, metrics), metrics), raise_server_exceptions=False)


@pytest.fixture
def client(tmp_path):
    with client_of(tmp_path) as opened:
        yield opened


@pytest.fixture(scope="module")
def tryon():
    return TryOn.load()


@pytest.fixture(scope="session")
def person(sample):
    return encode_picture(sample.photo.image, ".png")


@pytest.fixture(scope="session")
def garment(sample):
    return encode_picture(sample.other_garment, ".png")


def is_problem(answer, status, code):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert (body["status"], body["code"]) == (status, code)
    assert body["title"]
    assert body["detail"]


def look(client, fields=None, headers=None, **files):
    return client.post("/v1/looks", files=files, data=fields or {}, headers=headers)


def test_looks_equal_those_of_the_library(client, tryon, person, garment):
    expected = tryon(person, garment).image
    answer = look(client, person=person, garment=garment)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/png"
    assert {"person", "dress", "queue"} <= {
        part.split(";")[0].strip() for part in answer.headers["server-timing"].split(",")
    }
    np.testing.assert_array_equal(decode.read(answer.content), expected)
    for kind, form in (("image/webp", "WEBP"), ("image/jpeg", "JPEG")):
        answer = look(client, headers={"Accept": kind}, person=person, garment=garment)
        assert answer.headers["content-type"] == kind
        assert Image.open(io.BytesIO(answer.content)).format == form
    answer = look(client, headers={"Accept": "application/json"}, person=person, garment=garment).json()
    np.testing.assert_array_equal(decode.read(base64.b64decode(answer["image"])), expected)
    assert (answer["width"], answer["height"]) == (192, 256)
    answer = look(client, {"size": "model"}, person=person, garment=garment)
    np.testing.assert_array_equal(decode.read(answer.content), tryon(person, garment, size="model").image)


def test_warnings_are_returned_in_the_header_and_in_json(client, person, garment):
    box = np.full((256, 192, 3), 255, np.uint8)
    box[60:200, 40:150] = (40, 80, 160)
    folded = encode_picture(box, ".png")
    assert look(client, person=person, garment=folded).headers["x-fitroom-warnings"] == "folded-garment"
    assert "x-fitroom-warnings" not in look(client, person=person, garment=garment).headers
    answer = look(client, headers={"Accept": "application/json"}, person=person, garment=folded).json()
    assert [warning["code"] for warning in answer["warnings"]] == ["folded-garment"]
    assert "flat" in answer["warnings"][0]["message"]


def test_person_point_is_validated_and_passed_to_the_library(client, monkeypatch, tmp_path, person, garment):
    """Without a parser, a person can't be chosen by a point. With one, the point is passed on."""
    with client_of(tmp_path / "blind", parser="none") as blind:
        is_problem(look(blind, {"person_point": "40,50"}, person=person, garment=garment), 400, "bad-input")
    is_problem(look(client, {"person_point": "40"}, person=person, garment=garment), 422, "bad-parameter")
    token = client.post("/v1/persons", files={"person": person}).json()["person_token"]
    fields = {"person_point": "40,50", "person_token": token}
    is_problem(look(client, fields, garment=garment), 400, "unknown-part")
    asked = []
    monkeypatch.setattr(
        TryOn,
        "frame",
        lambda tryon, photo, person_point=None: asked.append(person_point) or Framed(Frame(0, 0, 192, 256)),
    )
    assert look(client, {"person_point": "40,50"}, person=person, garment=garment).status_code == 200
    sent = client.post("/v1/persons", files={"person": person}, data={"person_point": " 7,8"})
    assert sent.status_code == 201
    assert asked == [(40, 50), (7, 8)]


def test_old_names_of_fields_still_work(client, monkeypatch, person, garment):
    box = np.full((256, 192, 3), 255, np.uint8)
    box[60:200, 40:150] = (40, 80, 160)
    folded = encode_picture(box, ".png")
    answer = look(client, headers={"Accept": "application/json"}, person=person, garment=folded)
    assert answer.headers["x-fitroom-doubts"] == answer.headers["x-fitroom-warnings"] == "folded-garment"
    assert answer.json()["doubts"] == answer.json()["warnings"]
    both = {"person_at": "40,50", "person_point": "40,50"}
    is_problem(look(client, both, person=person, garment=garment), 400, "unknown-part")
    asked = []
    monkeypatch.setattr(
        TryOn,
        "frame",
        lambda tryon, photo, person_point=None: asked.append(person_point) or Framed(Frame(0, 0, 192, 256)),
    )
    assert look(client, {"person_at": "40,50"}, person=person, garment=garment).status_code == 200
    assert asked == [(40, 50)]


def test_a_dark_photo_is_refused(client, sample, garment):
    dark = encode_picture((sample.photo.image * 0.15).astype(np.uint8), ".png")
    is_problem(look(client, person=dark, garment=garment), 422, "too-dark")


def test_garment_masks_can_be_requested_and_sent_with_a_look(client, tryon, sample, person, garment):
    mask = encode_picture(np.repeat(sample.other_garment_mask[..., None], 3, axis=2), ".png")
    answer = look(client, person=person, garment=garment, garment_mask=mask)
    np.testing.assert_array_equal(decode.read(answer.content), tryon(person, garment, mask).image)
    found = client.post("/v1/masks", files={"garment": garment})
    np.testing.assert_array_equal(decode.read_mask(found.content), masks.garment_mask(sample.other_garment))
    small = encode_picture(np.zeros((32, 32, 3), np.uint8), ".png")
    is_problem(look(client, person=person, garment=garment, garment_mask=small), 422, "unusable-picture")


def test_registered_garments_can_be_listed_used_and_deleted(client, tryon, person, garment):
    made = client.put("/v1/garments/shirt-1", files={"garment": garment})
    assert made.status_code == 201
    assert client.put("/v1/garments/shirt-1", files={"garment": garment}).status_code == 200
    assert client.get("/v1/garments/shirt-1").json()["sha256"] == made.json()["sha256"]
    assert [found["id"] for found in client.get("/v1/garments").json()["garments"]] == ["shirt-1"]
    assert client.get("/v1/garments/shirt-1/picture").content == garment
    answer = look(client, {"garment_id": "shirt-1"}, person=person)
    np.testing.assert_array_equal(decode.read(answer.content), tryon(person, garment).image)
    assert client.delete("/v1/garments/shirt-1").status_code == 204
    is_problem(look(client, {"garment_id": "shirt-1"}, person=person), 404, "unknown-garment")
    is_problem(client.delete("/v1/garments/shirt-1"), 404, "unknown-garment")
    for name in ("a%2Fb", "-x", "a" * 65, "%00", "ä"):
        assert client.put(f"/v1/garments/{name}", files={"garment": garment}).status_code in (404, 422)


def test_uploaded_persons_can_be_used_by_token_until_deleted(client, tryon, person, garment):
    sent = client.post("/v1/persons", files={"person": person}).json()
    assert (sent["width"], sent["height"], sent["expires_in"]) == (192, 256, 900)
    answer = look(client, {"person_token": sent["person_token"]}, garment=garment)
    np.testing.assert_array_equal(decode.read(answer.content), tryon(person, garment).image)
    assert client.delete(f"/v1/persons/{sent['person_token']}").status_code == 204
    is_problem(look(client, {"person_token": sent["person_token"]}, garment=garment), 404, "unknown-person")


def test_bad_requests_are_refused_with_a_status_and_code(client, person, garment):
    is_problem(client.post("/v1/looks"), 415, "unsupported-media-type")
    is_problem(client.post("/v1/looks", json={}), 415, "unsupported-media-type")
    is_problem(
        client.post("/v1/looks", content=b"--x", headers={"Content-Type": "multipart/form-data"}), 400, "broken-form"
    )
    broken = {"Content-Type": "multipart/form-data; boundary=x"}
    is_problem(client.post("/v1/looks", content=b"no form at all", headers=broken), 400, "broken-form")
    is_problem(look(client, person=person), 400, "missing-part")
    is_problem(look(client, {"garment_id": "a"}, person=person, garment=garment), 400, "missing-part")
    is_problem(look(client, person=person, shirt=garment), 400, "unknown-part")
    is_problem(look(client, {"person": "text"}, garment=garment), 400, "unknown-part")
    is_problem(look(client, {"size": "huge"}, person=person, garment=garment), 422, "bad-parameter")
    is_problem(look(client, headers={"Accept": "text/html"}, person=person, garment=garment), 406, "not-acceptable")
    is_problem(look(client, person=b"", garment=garment), 415, "not-a-picture")
    is_problem(look(client, person=b"GIF89a", garment=garment), 415, "not-a-picture")
    is_problem(look(client, person=person[:-200], garment=garment), 422, "unusable-picture")
    is_problem(look(client, person=bomb(20000), garment=garment), 413, "picture-too-large")
    is_problem(look(client, person=garment, garment=person), 422, "no-person")
    is_problem(client.get("/nowhere"), 404, "not-found")
    is_problem(client.delete("/v1/looks"), 405, "method-not-allowed")
    is_problem(client.get("/v1/garments?limit=0"), 422, "bad-parameter")
    text = client.get("/metrics").text
    assert 'fitroom_refusals_total{code="not-a-picture"} 2.0' in text


def test_request_bodies_over_the_limit_are_refused(tmp_path, person):
    with client_of(tmp_path, upload_mb=1) as client:
        is_problem(look(client, person=bytes(2**20), garment=person), 413, "body-too-large")

        def endless():
            yield b'--x\r\nContent-Disposition: form-data; name="person"; filename="p"\r\n\r\n'
            for _ in range(40):
                yield bytes(65536)

        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        is_problem(client.post("/v1/looks", content=endless(), headers=headers), 413, "body-too-large")


def test_pictures_over_the_pixel_limit_are_refused(tmp_path, person, garment):
    large = encode_picture(np.zeros((1100, 1000, 3), np.uint8), ".png")
    with client_of(tmp_path, megapixels=1) as client:
        for files in ({"person": large, "garment": garment}, {"person": person, "garment": large}):
            answer = look(client, **files)
            is_problem(answer, 413, "picture-too-large")
            assert "the limit is 1 million" in answer.json()["detail"]
        is_problem(client.put("/v1/garments/a", files={"garment": large}), 413, "picture-too-large")
        is_problem(client.post("/v1/persons", files={"person": large}), 413, "picture-too-large")
        is_problem(client.post("/v1/masks", files={"garment": large}), 413, "picture-too-large")


def test_keys_are_required_except_for_health_and_page_and_have_a_rate_limit(tmp_path, garment):
    (tmp_path / "keys").write_text(f"shop {KEY}\n")
    with client_of(tmp_path, api_keys=tmp_path / "keys", rate="3/minute") as client:
        for method, path in (("GET", "/v1/garments"), ("POST", "/v1/looks"), ("GET", "/metrics")):
            answer = client.request(method, path)
            is_problem(answer, 401, "unknown-key")
            assert answer.headers["www-authenticate"] == "Bearer"
        for path in ("/healthz", "/readyz", "/", "/static/page.js", "/samples.json"):
            assert client.get(path).status_code == 200
        client.headers["X-API-Key"] = KEY
        for _ in range(3):
            assert client.get("/v1/garments").status_code == 200
        answer = client.get("/v1/garments")
        is_problem(answer, 429, "too-many-requests")
        assert int(answer.headers["retry-after"]) >= 1


def test_binding_beyond_localhost_requires_keys_or_the_insecure_option(tmp_path):
    for host in ("127.0.0.1", "::1", "localhost"):
        check_bind(host, ServeConfig(), insecure=False)
    for host in ("0.0.0.0", "::", "10.0.0.1", "shop.example"):
        with pytest.raises(InputError, match="--api-keys"):
            check_bind(host, ServeConfig(), insecure=False)
        check_bind(host, ServeConfig(api_keys=tmp_path), insecure=False)
        check_bind(host, ServeConfig(), insecure=True)


def test_a_busy_service_answers_503_with_retry_after(tmp_path, person, garment, monkeypatch):
    """With one worker and no queue, a second request is refused while the first one is dressed."""
    started, go_on = threading.Event(), threading.Event()
    dress = Studio.look

    def slow(*arguments, **named):
        started.set()
        assert go_on.wait(30)
        return dress(*arguments, **named)

    monkeypatch.setattr(Studio, "look", slow)
    with client_of(tmp_path, workers=1, waiting=0) as client, ThreadPoolExecutor(1) as pool:
        first = pool.submit(look, client, person=person, garment=garment)
        assert started.wait(30)
        busy = look(client, person=person, garment=garment)
        go_on.set()
        is_problem(busy, 503, "busy")
        assert int(busy.headers["retry-after"]) >= 1
        assert first.result(30).status_code == 200


def test_the_page_refers_to_no_other_hosts(client):
    page = client.get("/")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    names = ["/", *[f"/static/{name}.js" for name in ("page", "card", "service", "words", "brush", "camera")]]
    for name in [*names, "/static/style.css"]:
        text = client.get(name).text.replace("http://www.w3.org/2000/svg", "")
        assert text
        assert "http://" not in text
        assert "https://" not in text
    assert client.get("/samples/person-1.jpg").status_code == 200
    assert client.get("/samples/..%2Ferrors.py").status_code == 404


def test_configured_cors_origins_are_allowed_and_others_are_not(tmp_path):
    ask = {"Access-Control-Request-Method": "POST"}
    with client_of(tmp_path, cors=("https://shop.example",)) as client:
        for origin, allowed in (("https://shop.example", "https://shop.example"), ("https://else.example", None)):
            answer = client.options("/v1/looks", headers=ask | {"Origin": origin})
            assert answer.headers.get("access-control-allow-origin") == allowed


def test_cross_origin_requests_are_denied_by_default(client):
    answer = client.options(
        "/v1/looks", headers={"Origin": "https://else.example", "Access-Control-Request-Method": "POST"}
    )
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.slow
def test_schemathesis_finds_no_failure(tmp_path):
    """No generated request gets a 5xx answer or a status that the OpenAPI document does not list."""
    with client_of(tmp_path) as client:
        schema = schemathesis.openapi.from_asgi("/openapi.json", client.app)
        asked = set()
        for found in schema.get_all_operations():
            operation = found.ok()
            asked.add(operation.label)

            @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), database=None)
            @given(case=operation.as_strategy())
            def check(case):
                case.call_and_validate(checks=[not_a_server_error, status_code_conformance])

            check()
        assert {"POST /v1/looks", "PUT /v1/garments/{garment_id}", "DELETE /v1/persons/{token}"} <= asked
