"""Speed, recall, build time and memory of the bank's vector index at sizes far above any bank of today (9.1)."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import faiss
import numpy as np

from ragdiffusion.bank.coarse import RECALL_AT
from ragdiffusion.bank.index import VectorIndex

_BLOCK = 100_000  # vectors drawn at a time


@dataclass(frozen=True)
class IndexMeasure:
    """One size's figures.

    Attributes:
        entries: number of vectors.
        dimension: their length D.
        threads: that FAISS may use.
        approximate: whether the index chose its coarse codes.
        candidates: vectors ranked by themselves in each search.
        recall: share of the true nearest 4 that were found.
        query_ms: median time of one search, milliseconds.
        least_ms: the quickest search; on a busy machine nearer to what an idle one needs.
        processor_ms: median processor time of one search, all threads together, whatever else the machine does.
        exact_ms: median time of an exact scan of the same vectors.
        build_s: seconds to take the vectors in and to make the codes, their check included.
        memory_mb: of vectors and codes, 10^6 bytes.
    """

    entries: int
    dimension: int
    threads: int
    approximate: bool
    candidates: int
    recall: float
    query_ms: float
    least_ms: float
    processor_ms: float
    exact_ms: float
    build_s: float
    memory_mb: float


def random_units(count: int, dimension: int, seed: int) -> np.ndarray:
    """Directions without any structure, the hardest to search: [count, dimension] float32 of unit length."""
    rng = np.random.default_rng(seed)
    vectors = np.empty((count, dimension), np.float32)
    for start in range(0, count, _BLOCK):
        block = rng.standard_normal((min(_BLOCK, count - start), dimension), dtype=np.float32)
        vectors[start : start + len(block)] = block / np.linalg.norm(block, axis=1, keepdims=True)
    return vectors


def measure_index(
    sizes: Sequence[int], *, dimension: int = 256, threads: int | None = None, queries: int = 200, seed: int = 0
) -> Iterator[IndexMeasure]:
    """Fill an index with random entries and search it, size by size.

    Args:
        sizes: numbers of entries, each at least 4.
        dimension: length D of the vectors.
        threads: that FAISS may use; None leaves its own choice.
        queries: searches to time.
        seed: of entries and queries.

    Raises:
        ValueError: if a size is below 4, or another number below 1.
    """
    for name, value, least in (
        ("size", min(sizes, default=0), RECALL_AT),
        ("dimension", dimension, 1),
        ("queries", queries, 1),
        ("threads", 1 if threads is None else threads, 1),
    ):
        if value < least:
            raise ValueError(f"{name} must be at least {least}, got {value}")
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(threads or before)
    try:
        for size in sizes:
            yield _measure(size, dimension, queries, seed)
    finally:
        faiss.omp_set_num_threads(before)


def _measure(size: int, dimension: int, queries: int, seed: int) -> IndexMeasure:
    vectors, asked = random_units(size, dimension, seed), random_units(queries, dimension, seed + 1)
    index = VectorIndex(dimension)
    started = time.perf_counter()
    index.put(range(size), vectors)
    index.prepare()
    build = time.perf_counter() - started
    found, spent, worked, exact = [], [], [], []
    flat = faiss.IndexFlatIP(dimension)
    flat.add(vectors)
    del vectors
    _, truth = flat.search(asked, RECALL_AT)
    for query in asked:
        started, begun = time.perf_counter(), time.process_time()
        ids, _, _ = index.search(query, RECALL_AT)
        spent.append(time.perf_counter() - started)
        worked.append(time.process_time() - begun)
        found.append(ids)
    for query in asked[:20]:
        started = time.perf_counter()
        flat.search(query[None], RECALL_AT)
        exact.append(time.perf_counter() - started)
    recall = np.mean([np.isin(right, ids).mean() for right, ids in zip(truth, found, strict=True)])
    return IndexMeasure(
        entries=size,
        dimension=dimension,
        threads=faiss.omp_get_max_threads(),
        approximate=index.approximate,
        candidates=index.candidates,
        recall=float(recall),
        query_ms=float(np.median(spent) * 1e3),
        least_ms=min(spent) * 1e3,
        processor_ms=float(np.median(worked) * 1e3),
        exact_ms=float(np.median(exact) * 1e3),
        build_s=build,
        memory_mb=index.memory_bytes / 1e6,
    )
