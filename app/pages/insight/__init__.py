"""The Insight page: where a photo lies among the bank, and what runs cost."""
