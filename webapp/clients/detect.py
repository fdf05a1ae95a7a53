"""Finds the objects in pictures, with nothing but Python:  python3 detect.py photo.jpg [http://127.0.0.1:8080]

A key, where the service asks for one, comes from the environment variable FASTRCNN_API_KEY.
"""

import json
import os
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any


def detect(picture: bytes, service: str, *, threshold: float = 0.5, key: str = "", attempts: int = 5) -> Any:
    """Return the detections; waits and asks again when the service is busy. RuntimeError says what else went wrong."""
    headers = {"Content-Type": "application/octet-stream", **({"Authorization": f"Bearer {key}"} if key else {})}
    request = urllib.request.Request(f"{service}/detect?threshold={threshold}", picture, headers)
    for attempt in range(attempts):
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as fault:
            with fault:
                problem = json.load(fault)
                wait = fault.headers.get("Retry-After")
            if fault.code != 503 or wait is None or attempt == attempts - 1:
                raise RuntimeError(f"{problem['title']}: {problem['detail']}") from None
            time.sleep(float(wait))
    raise RuntimeError("never asked")


def main() -> None:
    """Print a line for each detection."""
    service = sys.argv[2] if len(sys.argv) > 2 else "http://127.0.0.1:8080"
    try:
        found = detect(Path(sys.argv[1]).read_bytes(), service, key=os.environ.get("FASTRCNN_API_KEY", ""))
    except RuntimeError as fault:
        sys.exit(str(fault))
    for each in found:
        print(each["label"], each["score"], each["left"], each["top"], each["right"], each["bottom"])


if __name__ == "__main__":
    main()
