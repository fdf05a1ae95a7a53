"""What every script does before it imports a package: it begins with `import helpers.first`.

Standard library only.
"""

import sys

from helpers.missing_packages import explain
from helpers.threads import wait_without_spinning

sys.excepthook = explain
wait_without_spinning()
