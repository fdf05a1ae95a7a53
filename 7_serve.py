"""Step 7: the trained detector as a service, with a page to try it and an API that programs call.

Reads   proc/<dataset>/models/, proc/<dataset>/trainedSvm/, results/<dataset>/evaluation_test_<classifier>.json
Serves  http://127.0.0.1:8080/ (the page), /docs (the API); until Ctrl-C or SIGTERM. SIGHUP loads the model anew.

The detector is used as it was trained; thresholds are parameters of each request.
"""

import sys

import helpers.first  # noqa: F401

from helpers.console import run_script
from helpers.errors import UserError
from PARAMETERS import get_parameters, make_parser

try:
    from webapp.serve.command_line import add_options, bound_socket, settings_of
    from webapp.serve.request_log import set_up_log
    from webapp.serve.server import serve
except ModuleNotFoundError as missing:
    if missing.name and missing.name.split(".")[0] in ("webapp", "helpers", "fastRCNN"):
        raise
    sys.exit(f"error: the service needs the package {missing.name}. Install it: pip install '.[serve]', or run "
             "python3 run.py, which installs all of requirements.txt")  # fmt: skip


def main() -> None:
    """Run step 7."""
    parser = make_parser(__doc__)
    add_options(parser)
    p = get_parameters(sys.argv[1:], parser)
    fixed = {each.partition("=")[0] for each in parser.parse_args().assignments} - {"vis_decisionThresholds"}
    if fixed:
        raise UserError(f"--set {', '.join(sorted(fixed))}: the detector is used as it was trained. Thresholds are "
                        "parameters of each request")  # fmt: skip
    settings = settings_of(p)
    set_up_log(settings.json_log, p.quiet)
    listening = bound_socket(p.host, p.port)
    host, port = listening.getsockname()[:2]
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}/"

    def announce() -> None:
        print(f"{url}  (documentation: {url}docs; the model is being loaded; end with Ctrl-C)", flush=True)

    serve(settings, listening, announce)


if __name__ == "__main__":
    run_script(main)
