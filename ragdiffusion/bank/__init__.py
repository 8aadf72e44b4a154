"""The memory bank of flat-lay garments: entries in a database, a derived vector index, a log with undo."""

from ragdiffusion.bank.bank import Bank, Ranking
from ragdiffusion.bank.entries import BankEntry, Edit, EntryUpdate, NewEntry

__all__ = ["Bank", "BankEntry", "Edit", "EntryUpdate", "NewEntry", "Ranking"]
