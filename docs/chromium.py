"""A headless Chromium, driven by real mouse, touch and key events: for tests of the pages and for screenshots."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-extensions", "--hide-scrollbars",
    "--disable-dev-shm-usage", "--force-color-profile=srgb", "--mute-audio",
)  # fmt: skip


def missing() -> str:
    """Return what is not installed, or ""."""
    if not browser():
        return "no Chromium here (Debian: apt install chromium chromium-driver)"
    return "" if shutil.which("chromedriver") else "no chromedriver here (Debian: apt install chromium-driver)"


def browser() -> str:
    """Return the path of the browser, or ""."""
    return next((path for name in BROWSERS if (path := shutil.which(name))), "")


@contextmanager
def chromium(
    width: int = 1440, height: int = 900, *, scale: float = 1, touch: bool = False, dark: bool = False
) -> Iterator["Page"]:
    """Give a browser of its own, with an empty profile and a window of that size in CSS pixels."""
    with tempfile.TemporaryDirectory(prefix="chromium-") as profile:
        options = webdriver.ChromeOptions()
        options.binary_location = browser()
        for flag in (*FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        options.set_capability("unhandledPromptBehavior", {"beforeUnload": "accept", "default": "dismiss and notify"})
        driver = webdriver.Chrome(options, Service(shutil.which("chromedriver")))
        try:
            metrics = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": touch}
            driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
            if touch:
                driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True, "maxTouchPoints": 2})
            wanted = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
            driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [wanted]})
            yield Page(driver)
        finally:
            driver.quit()


class Page:
    """The browser's page, with the few things that a person does there."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def open(self, address: str) -> None:
        """Go to `address` and wait until the page is ready."""
        self.driver.get(address)
        self.wait("document.body.dataset.ready === 'true'")

    def wait(self, condition: str, seconds: float = 30) -> Any:
        """Wait until the JavaScript expression `condition` is true, and return its value."""
        return WebDriverWait(self.driver, seconds, poll_frequency=0.03).until(
            lambda driver: driver.execute_script(f"return {condition}"), f"not true: {condition}"
        )

    def get(self, expression: str) -> Any:
        """Return the value of a JavaScript expression."""
        return self.driver.execute_script(f"return {expression}")

    def click(self, selector: str) -> None:
        """Click an element."""
        self.driver.find_element(By.CSS_SELECTOR, selector).click()

    def text(self, selector: str) -> str:
        """Return what an element shows."""
        return self.driver.find_element(By.CSS_SELECTOR, selector).text

    def key(self, *keys: str) -> None:
        """Press keys one after the other."""
        ActionChains(self.driver, duration=0).send_keys(*keys).perform()

    def write(self, selector: str, text: str) -> None:
        """Replace the text of a field."""
        field = self.driver.find_element(By.CSS_SELECTOR, selector)
        field.clear()
        field.send_keys(text)

    def mouse(self, kind: str, x: float, y: float, button: str = "left", buttons: int = 1, modifiers: int = 0) -> None:
        """Send one mouse event at a point of the window, fractions of a pixel included; `kind`: Moved, Pressed, ..."""
        event = {"type": f"mouse{kind}", "x": x, "y": y, "button": button, "buttons": buttons, "modifiers": modifiers}
        if kind in ("Pressed", "Released"):
            event["clickCount"] = 1
        self.driver.execute_cdp_cmd("Input.dispatchMouseEvent", event)

    def drag(self, start: tuple[float, float], end: tuple[float, float], *, hold: bool = False, **options: Any) -> None:
        """Press the mouse at `start`, move it to `end` in a few steps, release it (unless `hold`)."""
        self.mouse("Moved", *start, button="none", buttons=0)
        self.mouse("Pressed", *start, **options)
        for part in (0.3, 0.7, 1.0):
            self.mouse("Moved", *(a + (b - a) * part for a, b in zip(start, end, strict=True)), **options)
        if not hold:
            self.mouse("Released", *end, **options)

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Return where a point of the annotation page's picture is in the window."""
        scale, left, top = map(float, self.get("document.getElementById('canvas').dataset.view").split())
        frame = self.get("document.getElementById('canvas').getBoundingClientRect()")
        return frame["x"] + left + x * scale, frame["y"] + top + y * scale

    def draw(self, x1: float, y1: float, x2: float, y2: float) -> None:
        """Drag from the upper left corner of the pixel x1 y1 to the lower right one of x2 y2."""
        self.drag(self.place(x1, y1), self.place(x2 + 1, y2 + 1))

    def tap(self, x: float, y: float) -> None:
        """Click a point of the window."""
        self.drag((x, y), (x, y))

    def wheel(self, x: float, y: float, delta: float) -> None:
        """Turn the mouse's wheel."""
        event = {"type": "mouseWheel", "x": x, "y": y, "deltaX": 0, "deltaY": delta}
        self.driver.execute_cdp_cmd("Input.dispatchMouseEvent", event)

    def fingers(self, kind: str, *points: tuple[float, float]) -> None:
        """Send one touch event: `kind` Start, Move or End, and where the fingers are."""
        event = {"type": f"touch{kind}", "touchPoints": [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(points)]}
        self.driver.execute_cdp_cmd("Input.dispatchTouchEvent", event)

    def screenshot(self, path: Path) -> None:
        """Write the page as PNG."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.driver.get_screenshot_as_png())

    def complaints(self) -> list[str]:
        """Return what the browser's console says of errors, policy violations and missing files since the last call."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]
