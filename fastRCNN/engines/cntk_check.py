"""Ask the CNTK worker to pool one ROI and compare with numbers worked out by hand. Runs in Python 3.6.

resources/install_cntk.py runs it after the installation. Exit status 0: it works, and one line says so.
"""

import os
import subprocess
import sys

import cntk_link as link
import numpy as np

WORKER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "cntk_worker.py")


def main():
    command = [sys.executable, "-E", "-s", "-W", "ignore", WORKER, "1"]
    worker = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        versions, _ = _ask(worker, {"command": "hello"}, {})
        rows = np.arange(1, 9, dtype=np.float32).reshape(8, 1)
        values = (10 * rows + np.arange(1, 9, dtype=np.float32))[None]  # row 1 to 8, column 1 to 8: 11 ... 88
        roi = np.array([[16, 32, 63, 127]], np.float32)  # cells 1 to 4 across, 2 to 8 (7 is the last) down
        pooled = _ask(
            worker, {"command": "pool_rois", "size": 2, "spatial_scale": 1 / 16.0}, {"map": values, "rois": roi}
        )
    finally:
        worker.stdin.close()
        worker.wait()
        worker.stdout.close()
    # 4 columns: 1 2 | 3 4. 7 rows, 3.5 to a bin: 2 to 5 | 5 to 8, the last of which the map does not have.
    expected = [[[[63.0, 65.0], [83.0, 85.0]]]]
    if pooled[1]["pooled"].tolist() != expected:
        sys.exit("ROI pooling: expected {}, got {}".format(expected, pooled[1]["pooled"].tolist()))
    print("CNTK {cntk} works: Python {python}, numpy {numpy}; ROI pooling by its worker is right.".format(**versions))


def _ask(worker, header, arrays):
    link.write_message(worker.stdin, header, arrays)
    message = link.read_message(worker.stdout)
    if message is None or "error" in message[0]:
        sys.exit("the worker ended" if message is None else message[0]["error"])
    return message


if __name__ == "__main__":
    main()
