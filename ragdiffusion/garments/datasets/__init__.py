"""Datasets of pairs behind one interface: drawn, real, imported, packed, or as others lay them out (9.5)."""

from ragdiffusion.garments.datasets.base import Dataset, Sample
from ragdiffusion.garments.datasets.importer import import_dataset
from ragdiffusion.garments.datasets.opening import garments_of, open_dataset
from ragdiffusion.garments.datasets.pack import unpack, write_pack
from ragdiffusion.garments.datasets.records import Record, RecordDataset
from ragdiffusion.garments.datasets.synthetic import SyntheticDataset

__all__ = [
    "Dataset",
    "Record",
    "RecordDataset",
    "Sample",
    "SyntheticDataset",
    "garments_of",
    "import_dataset",
    "open_dataset",
    "unpack",
    "write_pack",
]
