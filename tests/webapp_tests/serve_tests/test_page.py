"""The page in headless Chromium, driven by real mouse, key and drop events. Skipped where there is no Chromium.

On Debian: apt-get install chromium chromium-driver.
"""

import base64
import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import pytest

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
if not BROWSER or not DRIVER:
    pytest.skip("no Chromium with its driver (apt-get install chromium chromium-driver)", allow_module_level=True)

KEY = "a-key-for-these-tests"
PATIENCE = 60
CONTRASTS = """
function channel(v){v/=255;return v<=0.04045?v/12.92:((v+0.055)/1.055)**2.4}
function light(c){return 0.2126*channel(c[0])+0.7152*channel(c[1])+0.0722*channel(c[2])}
function parse(t){const m=t.match(/[\\d.]+/g).map(Number);return m.length>3?m:[...m.slice(0,3),1]}
function ground(e){for(;e;e=e.parentElement){const c=parse(getComputedStyle(e).backgroundColor);if(c[3]===1)return c}
 return [255,255,255,1]}
const low=[];
for(const e of document.querySelectorAll("h1,h2,p,a,label,button,span,dt,dd,output,.button")){
 if(!e.checkVisibility()||!e.textContent.trim()||e.disabled||e.closest("[disabled]"))continue;
 const a=light(parse(getComputedStyle(e).color)),b=light(ground(e));
 const ratio=(Math.max(a,b)+0.05)/(Math.min(a,b)+0.05);
 if(ratio<4.5)low.push(e.textContent.trim().slice(0,30)+" "+ratio.toFixed(2))}
return low;
"""


@contextmanager
def browser(folder: Path, width: int = 1280, height: int = 900, *, phone: bool = False, dark: bool = False) -> Iterator:
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", f"--window-size={width},{height}",
                     "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"):  # fmt: skip
        options.add_argument(argument)
    options.add_experimental_option("prefs", {"download.default_directory": str(folder)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    if phone:
        metrics = {"width": width, "height": height, "pixelRatio": 2, "touch": True}
        options.add_experimental_option("mobileEmulation", {"deviceMetrics": metrics})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    try:
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        yield driver
        severe = [line["message"] for line in driver.get_log("browser") if line["level"] == "SEVERE"]
        assert not [line for line in severe if "Failed to load resource" not in line], "the page has a fault"
    finally:
        driver.quit()


def until(condition: Callable, what: str = "") -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"still not: {what or condition}"
        time.sleep(0.05)


class Page:
    """What a user sees and does."""

    def __init__(self, driver, url: str) -> None:
        self.driver = driver
        driver.get(url + "/")

    def __call__(self, name: str):
        return self.driver.find_element(By.ID, name)

    def give_key(self) -> None:
        until(lambda: self("key-form").is_displayed(), "the key is asked for")
        self("key").send_keys(KEY, Keys.ENTER)
        until(lambda: "2 classes" in self("model").text, "the model is told of")

    def found(self) -> list[str]:
        until(lambda: "found" in self("found").text, "the answer")
        buttons = self.driver.find_elements(By.CSS_SELECTOR, "#list button")
        return [button.get_attribute("aria-label") for button in buttons]

    def boxes(self) -> list:
        return self.driver.find_elements(By.CSS_SELECTOR, "#boxes .box")

    def asked(self) -> int:
        """Return how many pictures the page has sent."""
        lines = [json.loads(line["message"])["message"] for line in self.driver.get_log("performance")]
        sent = [line for line in lines if line["method"] == "Network.requestWillBeSent"]
        return sum("/detect" in line["params"]["request"]["url"] for line in sent)


@pytest.fixture
def photo(finished) -> Path:
    return finished.root / "data" / "tiny" / "testImages" / "5.png"


@pytest.fixture
def expected(service_with_key, photo) -> list[dict]:
    return json.loads(service_with_key.get("/detect", photo.read_bytes(), X_API_Key=KEY)[1])


def test_choose_a_picture_and_use_the_page(service_with_key, photo, expected, tmp_path):
    with browser(tmp_path) as driver:
        page = Page(driver, service_with_key.url)
        page.give_key()
        assert "mAP" in page("model").text
        page("file").send_keys(str(photo))
        above = [each for each in expected if each["score"] >= 0.5]
        assert [label.split(",")[0] for label in page.found()] == [each["label"] for each in above]

        # boxes lie where the service says, in the picture's own pixels
        image, boxes = page("image").rect, page.boxes()
        assert len(boxes) == len(above)
        for box, each in zip(reversed(boxes), above, strict=True):
            scale = image["width"] / 120
            assert box.rect["x"] - image["x"] == pytest.approx(each["left"] * scale, abs=1)
            assert box.rect["y"] - image["y"] == pytest.approx(each["top"] * scale, abs=1)
            assert box.rect["width"] == pytest.approx((each["right"] - each["left"] + 1) * scale, abs=1)
            assert box.text == f"{each['label']} {each['score']:.2f}"

        # the slider acts at once and asks nobody
        assert page.asked() == 1
        slider = page("threshold")
        slider.send_keys(Keys.HOME)
        assert len(page.boxes()) == len([each for each in expected if each["score"] >= 0])
        slider.send_keys(Keys.END)
        until(lambda: not page.boxes())
        assert "0 objects found" in page("found").text
        slider.send_keys(Keys.HOME)
        assert page.asked() == 0, "counted anew each time"

        # layers, by keyboard
        page("show-boxes").send_keys(Keys.SPACE)
        assert not page.boxes()
        page("show-boxes").send_keys(Keys.SPACE)
        assert not page("rois").is_displayed()
        page("show-rois").send_keys(Keys.SPACE)
        assert page("rois").is_displayed()
        assert page("rois-path").get_attribute("d").count("M") == 120

        # an entry of the list shows its box; crops are no blank pictures
        first = driver.find_element(By.CSS_SELECTOR, "#list button")
        first.send_keys("")
        driver.execute_script("arguments[0].focus()", first)
        assert "strong" in page.boxes()[-1].get_attribute("class")
        crop = "return new Set(arguments[0].getContext('2d').getImageData(0,0,96,96).data).size"
        assert driver.execute_script(crop, first.find_element(By.TAG_NAME, "canvas")) > 5

        # the times add up
        assert page("time").is_displayed()
        assert len(page("time-list").find_elements(By.TAG_NAME, "dd")) == 4

        # both downloads
        page("save-json").click()
        page("save-picture").click()
        until(lambda: (tmp_path / "detections.json").exists() and (tmp_path / "detections.jpg").exists(), "the files")
        saved = json.loads((tmp_path / "detections.json").read_text())
        assert [each["score"] for each in saved["detections"]] == [e["score"] for e in expected if e["score"] >= 0]
        until(lambda: cv2.imread(str(tmp_path / "detections.jpg")) is not None)
        assert cv2.imread(str(tmp_path / "detections.jpg")).shape == (90, 120, 3)


DROP = """
const bytes = Uint8Array.from(atob(arguments[0]), (c) => c.charCodeAt(0));
const transfer = new DataTransfer();
transfer.items.add(new File([bytes], arguments[1], {type: "image/png"}));
const event = arguments[2] === "drop"
  ? new DragEvent("drop", {dataTransfer: transfer, bubbles: true, cancelable: true})
  : new ClipboardEvent("paste", {clipboardData: transfer, bubbles: true, cancelable: true});
document.getElementById("stage").dispatchEvent(event);
"""


def test_drop_paste_and_camera(service_with_key, photo, tmp_path):
    with browser(tmp_path) as driver:
        page = Page(driver, service_with_key.url)
        page.give_key()
        data = base64.b64encode(photo.read_bytes()).decode()
        for how in ("drop", "paste"):
            driver.execute_script(DROP, data, "a.png", how)
            until(lambda: page("found").text == "2 objects found", how)
            driver.execute_script(DROP, base64.b64encode(b"no picture").decode(), "b.png", how)
            until(lambda: page("problem").is_displayed())
            assert "no JPEG, PNG, WebP or BMP" in page("problem").text
            assert page("empty").is_displayed()
        page("camera").click()
        until(lambda: page("camera-dialog").is_displayed(), "the camera")
        page("shoot").click()
        until(lambda: not page("camera-dialog").is_displayed() and "found" in page("found").text, "its picture")
        assert not page("problem").is_displayed()
        assert driver.execute_script("return document.getElementById('image').naturalWidth") > 100


def test_on_a_phone_and_in_the_dark(service_with_key, photo, tmp_path):
    for settings in ({"width": 390, "height": 844, "phone": True}, {"dark": True}):
        with browser(tmp_path, **settings) as driver:
            page = Page(driver, service_with_key.url)
            page.give_key()
            page("file").send_keys(str(photo))
            assert len(page.found()) == 2
            wide = driver.execute_script("return document.documentElement.scrollWidth - innerWidth")
            assert wide <= 0, "nothing is wider than the screen"
            assert driver.execute_script(CONTRASTS) == [], "contrast of text, WCAG AA"
            if settings.get("phone"):
                for button in driver.find_elements(By.CSS_SELECTOR, ".buttons button, .buttons .button"):
                    assert not button.is_displayed() or button.rect["height"] >= 44, "large enough for a finger"
            driver.get(service_with_key.url + "/docs")
            assert driver.execute_script(CONTRASTS) == []
            assert driver.execute_script("return document.documentElement.scrollWidth - innerWidth") <= 0


def test_by_keyboard_and_for_screen_readers(service_with_key, tmp_path):
    with browser(tmp_path) as driver:
        page = Page(driver, service_with_key.url)
        page.give_key()
        order = []
        driver.refresh()  # the key stays for the session
        until(lambda: "2 classes" in page("model").text)
        for _ in range(14):
            webdriver.ActionChains(driver).send_keys(Keys.TAB).perform()
            order.append(driver.switch_to.active_element.get_attribute("id"))
        assert [name for name in order if name][:6] == ["file", "camera", "paste", "show-boxes", "show-rois", "file"]
        tree = driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
        named = {
            (node["role"]["value"], node.get("name", {}).get("value", "")) for node in tree if not node.get("ignored")
        }
        for role in ("button", "slider", "checkbox", "image", "link", "heading", "region", "navigation"):
            assert all(name for kind, name in named if kind == role), f"a {role} has no name"
        assert ("status", "Nothing yet") in named or any(kind == "status" for kind, _ in named)
        assert any(kind == "slider" and name.startswith("Score from") for kind, name in named)
