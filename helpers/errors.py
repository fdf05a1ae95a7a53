"""The one exception for mistakes that a user can mend."""


class UserError(Exception):
    """A fault in data, parameters or set-up: its text says what, where (file:line), why and what to do.

    `helpers.endings.outcome_of` makes one message of it, without a traceback, and an exit with `status`.
    """

    def __init__(self, message: str, status: int = 1) -> None:
        super().__init__(message)
        self.status = status


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
