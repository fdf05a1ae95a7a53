"""Make the tutorial's picture of the service's page: the real page in Chromium, with a real detection.

    python3 run.py
    .venv/bin/python docs/service_page.py       (needs chromium and chromium-driver, for example from Debian)

Writes docs/pictures/service.jpg: a desktop and a phone side by side.
"""

import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
from selenium import webdriver
from selenium.webdriver.common.by import By

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from helpers.images import write_image

REPOSITORY = Path(__file__).resolve().parents[1]
PICTURE = REPOSITORY / "docs" / "pictures" / "service.jpg"
PHOTO = REPOSITORY / "data" / "grocery" / "testImages" / "test_03.jpg"
SCREENS = ((1280, 930, False), (390, 844, True))  # width, height, phone
HEIGHT = 700
PATIENCE = 120  # seconds


def main() -> None:
    """Make the picture."""
    command = [sys.executable, str(REPOSITORY / "7_serve.py"), "--port", "0", "--quiet"]
    service = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert service.stdout
        url = re.findall(r"http://\S+/", service.stdout.readline())[0]
        screens = [photograph(url, *screen) for screen in SCREENS]
    finally:
        service.send_signal(signal.SIGTERM)
        service.wait(60)
    scaled = [
        cv2.resize(s, (round(s.shape[1] * HEIGHT / s.shape[0]), HEIGHT), interpolation=cv2.INTER_AREA) for s in screens
    ]
    gap = np.full((HEIGHT, 24, 3), 255, np.uint8)
    write_image(PICTURE, np.hstack([scaled[0], gap, scaled[1]]))


def photograph(url: str, width: int, height: int, phone: bool) -> np.ndarray:
    """Return what the page shows after a detection, on a screen of `width` x `height`, as (H, W, 3) uint8 BGR."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or shutil.which("google-chrome") or ""
    for argument in ("--headless=new", "--no-sandbox", "--hide-scrollbars", f"--window-size={width},{height}"):
        options.add_argument(argument)
    if phone:
        metrics = {"width": width, "height": height, "pixelRatio": 1.5, "touch": True}
        options.add_experimental_option("mobileEmulation", {"deviceMetrics": metrics})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    try:
        driver.get(url)
        until(lambda: "classes" in driver.find_element(By.ID, "model").text)
        driver.find_element(By.ID, "file").send_keys(str(PHOTO))
        until(lambda: "found" in driver.find_element(By.ID, "found").text)
        time.sleep(0.5)
        shot = np.frombuffer(driver.get_screenshot_as_png(), np.uint8)
        return cv2.imdecode(shot, cv2.IMREAD_COLOR)
    finally:
        driver.quit()


def until(condition) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("the page does not get ready")
        time.sleep(0.1)


if __name__ == "__main__":
    main()
