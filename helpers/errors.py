"""The one exception for mistakes that a user can mend."""


class UserError(Exception):
    """A fault in data, parameters or set-up: its text says what, where (file:line), why and what to do.

    `helpers.console.run_script` prints it as one message without a traceback and exits with 1.
    """


def raise_collected(faults: list[str], summary: str, advice: str = "") -> None:
    """Raise one `UserError` that lists all `faults`; do nothing when there are none.

    Faults of one kind are collected before stopping, so that a reader mends them in one go.
    """
    if not faults:
        return
    shown = faults[:20]
    if len(faults) > len(shown):
        shown = [*shown, f"... and {len(faults) - len(shown)} more"]
    text = summary + "\n" + "\n".join("  " + fault for fault in shown)
    raise UserError(text + ("\n" + advice if advice else ""))
