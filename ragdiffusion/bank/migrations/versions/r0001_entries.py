"""The first released schema: the bank, its entries, the log of edits. Made by the program itself, without steps."""

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Nothing: every bank has it."""
