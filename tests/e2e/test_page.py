"""Tests of the page in a browser: choosing, dressing, comparing, downloading, and error messages."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import sync_playwright

from fitroom.benchmark.service import Client, form, running
from fitroom.demo import SAMPLES
from fitroom.photo import decode
from fitroom.photo.encode import save_picture

BROWSER = shutil.which("chromium")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="no chromium here; Debian's package has that name"),
]
OPTIONS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]
OPTIONS += ["--disable-component-update", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("service")
    with running("--data-dir", str(folder / "data")) as (found, _):
        picture = (SAMPLES / "garment-2.jpg").read_bytes()
        assert Client(found).ask("PUT", "/v1/garments/shop-7", form(garment=picture))[0] == 201
        yield found


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=BROWSER, args=OPTIONS)
        yield opened
        opened.close()


@pytest.fixture
def visit(browser, address):
    """Open the page. Check afterwards that no script failed and that no other server was contacted."""
    contexts, asked, failed = [], [], []

    def open_page(size=DESKTOP, language="en-GB", path=""):
        context = browser.new_context(viewport=size, locale=language)
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: failed.append(str(error)))
        page.goto(f"{address}/{path}")
        page.wait_for_selector("#garments li:nth-child(5)")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert failed == []
    assert {url for url in asked if not url.startswith((address, "blob:", "data:"))} == set()


def dressed(page, count=1):
    """Wait until `count` looks are finished."""
    page.wait_for_selector(f".card:not(.busy) >> nth={count - 1}")


@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_looks_can_be_made_compared_downloaded_and_removed(visit, size, tmp_path):
    page = visit(size)
    page.get_by_role("button", name="Drawn figure 1").click()
    page.get_by_role("button", name="Drawn garment 3", exact=True).click()
    page.get_by_role("button", name="shop-7", exact=True).click()
    dressed(page, 2)
    slider = page.get_by_role("slider", name="Before and after: shop-7")
    slider.fill("60")
    assert page.locator(".compare").first.evaluate("e => e.style.getPropertyValue('--at')") == "60%"
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the look with shop-7").click()
    download.value.save_as(tmp_path / "look.png")
    look = decode.read(tmp_path / "look.png")
    assert look.shape == decode.read((SAMPLES / "person-1.jpg").read_bytes()).shape
    page.get_by_role("button", name="Take off shop-7").click()
    assert page.locator(".card").count() == 1
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]


def test_own_pictures_are_dressed_and_invalid_ones_are_explained(visit, tmp_path):
    page = visit()
    (tmp_path / "notes.jpg").write_text("no picture")
    page.set_input_files("#photo-file", tmp_path / "notes.jpg")
    page.wait_for_selector("#problem:not([hidden])")
    assert "not a picture" in page.inner_text("#problem")
    page.set_input_files("#photo-file", str(SAMPLES / "person-2.jpg"))
    page.wait_for_selector("#photo:not([hidden])")
    assert page.is_hidden("#problem")
    page.set_input_files("#garment-file", str(SAMPLES / "garment-4.jpg"))
    dressed(page)
    assert page.get_by_role("img", name="You in Your garment 1").count() == 1
    # no garment is found on such a background: its card is removed, and a message says why
    noise = np.random.default_rng(0).integers(0, 256, (256, 192, 3), np.uint8)
    save_picture(noise, tmp_path / "noise.png")
    page.set_input_files("#garment-file", tmp_path / "noise.png")
    page.wait_for_selector("#problem:not([hidden])")
    assert page.locator(".card").count() == 1


def test_warnings_are_shown_below_the_look(visit, tmp_path):
    folded = np.full((256, 192, 3), 255, np.uint8)
    folded[60:200, 40:150] = (40, 80, 160)
    save_picture(folded, tmp_path / "folded.png")
    page = visit()
    page.get_by_role("button", name="Drawn figure 1").click()
    page.get_by_role("button", name="Drawn garment 3", exact=True).click()
    dressed(page)
    assert page.locator(".card .warnings").is_hidden()
    page.set_input_files("#garment-file", tmp_path / "folded.png")
    dressed(page, 2)
    assert "looks folded" in page.locator(".card .warnings").first.inner_text()
    page.get_by_role("button", name="中文").click()
    assert "折叠" in page.locator(".card .warnings").first.inner_text()
    page.screenshot(path=tmp_path / "warnings.png")


def test_erasing_part_of_the_mask_updates_the_look(visit):
    page = visit()
    page.get_by_role("button", name="Drawn figure 1").click()
    page.get_by_role("button", name="Drawn garment 1", exact=True).click()
    dressed(page)
    before = page.locator(".card .after").get_attribute("src")
    page.get_by_role("button", name="Edit the mask of Drawn garment 1").click()
    page.get_by_label("Erase").check()
    box = page.locator("#mask-canvas").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] * 0.75)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.75, steps=5)
    page.mouse.up()
    page.get_by_role("button", name="Use it").click()
    page.wait_for_selector(f".card:not(.busy) .after:not([src='{before}'])")


def test_page_can_be_used_by_keyboard(visit):
    page = visit()
    page.get_by_role("button", name="Drawn figure 2").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Drawn garment 2", exact=True).focus()
    page.keyboard.press("Space")
    dressed(page)
    page.get_by_role("slider").focus()
    page.keyboard.press("End")
    assert page.locator(".compare").evaluate("e => e.style.getPropertyValue('--at')") == "100%"
    page.get_by_role("button", name="Edit the mask of Drawn garment 2").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#mask-dialog[open]")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    page.keyboard.press("Escape")
    page.wait_for_selector("#mask-dialog:not([open])", state="attached")


def test_language_and_theme_can_be_switched_and_controls_have_names(visit):
    page = visit(PHONE, "zh-CN")
    assert page.get_attribute("html", "lang") == "zh"
    assert page.inner_text("#person-title") == "您的照片"
    page.get_by_role("button", name="English").click()
    assert page.inner_text("#person-title") == "You"
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_role("button", name="Light or dark").click()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != dark
    # every visible control has a name
    for element in page.locator("button, input, a, canvas").all():
        if element.is_visible():
            named = element.evaluate("e => e.innerText || e.ariaLabel || e.labels?.[0]?.innerText || e.title")
            assert named, element.evaluate("e => e.outerHTML")


def test_camera_photo_is_sent_to_the_service(visit):
    page = visit()
    page.get_by_role("button", name="Camera").click()
    page.wait_for_selector("#camera-dialog[open]")
    page.get_by_role("button", name="Take the photo").click()
    # the test pattern of the fake camera was sent; it shows no person
    page.wait_for_selector("#problem:not([hidden])")
    assert "nobody is found" in page.inner_text("#problem")


def test_samples_are_four_garments_and_three_persons():
    assert sorted(path.name for path in Path(str(SAMPLES)).glob("*.jpg")) == [
        *[f"garment-{number}.jpg" for number in range(1, 5)],
        *[f"person-{number}.jpg" for number in range(1, 4)],
    ]
