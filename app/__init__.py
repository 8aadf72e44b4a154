"""The studio: a desktop-like page in the browser over the `ragdiffusion` package."""
