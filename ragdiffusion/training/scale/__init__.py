"""Training at the paper's scale: several processes, gradient accumulation, checkpoints in shards (4.1)."""
