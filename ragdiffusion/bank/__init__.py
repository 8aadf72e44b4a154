"""The memory bank of flat-lay garments: entries in a database, a derived vector index, a log with undo."""

from ragdiffusion.bank.bank import Bank, Ranking
from ragdiffusion.bank.conflicts import Conflict, ConflictError
from ragdiffusion.bank.entries import BankEntry, Edit, EntryUpdate, NewEntry
from ragdiffusion.bank.library import BankInfo, BankLibrary

__all__ = [
    "Bank",
    "BankEntry",
    "BankInfo",
    "BankLibrary",
    "Conflict",
    "ConflictError",
    "Edit",
    "EntryUpdate",
    "NewEntry",
    "Ranking",
]
