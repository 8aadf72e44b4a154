"""Human bodies from anny's MakeHuman data (CC0): adults of all shapes in their rest pose, measured and charted.

Axes: x to the body's left, y to its back, z up, metres. anny gives the rest shape only; posing is done by `poses`,
because garments must follow the very same bone matrices.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from ragdiffusion.garments.people.charts import Charts, chart_body
from ragdiffusion.garments.people.meshes import neighbour_lists, vertex_normals

_ARM = ("upperarm", "lowerarm", "wrist", "finger", "metacarpal")
_LEG = ("upperleg", "lowerleg", "foot", "toe")
_LOCAL = (
    "measure-waist-circ-incr",
    "measure-hips-circ-incr",
    "measure-shoulder-dist-incr",
    "stomach-tone-incr",
    "torso-vshape-incr",
    "buttocks-volume-incr",
    "measure-neck-circ-incr",
    "measure-thigh-circ-incr",
    "measure-upperarm-circ-incr",
    "hip-scale-horiz-incr",
    "torso-scale-depth-incr",
    "head-scale-horiz-incr",
    "nose-scale-vert-incr",
    "nose-scale-horiz-incr",
    "mouth-scale-horiz-incr",
    "chin-width-incr",
    "head-fat-incr",
    "chin-height-incr",
)
_NEGLIGIBLE = 0.003  # weight of a shape that moves nothing by a millimetre


@dataclass(frozen=True)
class Body:
    """One person at rest.

    Attributes:
        model: the mesh that all bodies share.
        rest: float32 (N, 3), vertices, metres.
        heads: float32 (B, 3), where each bone starts.
        normals: float32 (N, 3).
        female: the shape's sex.
        age: years, roughly.
        charts: coordinates that garments are cut and laid flat by.
    """

    model: BodyModel
    rest: np.ndarray
    heads: np.ndarray
    normals: np.ndarray
    female: bool
    age: float
    charts: Charts = field(repr=False)

    def head_of(self, bone: str) -> np.ndarray:
        """Where a bone starts, metres."""
        return self.heads[self.model.bone[bone]]


class BodyModel:
    """anny's mesh, skeleton and shape space, read once.

    Raises:
        ImportError: the packages of ``requirements-train.txt`` are not installed.
    """

    def __init__(self) -> None:
        import warp

        warp.config.quiet = True
        import anny
        import torch

        self._anny = anny.Anny(local_changes="default", phenotypes="all").to(dtype=torch.float32)
        model = self._anny
        self.bones = list(model.bone_labels)
        self.bone = {name: i for i, name in enumerate(self.bones)}
        self._local = {label: i for i, label in enumerate(model.local_change_labels)}
        self.parents = list(model.bone_parents)
        self.faces = model.faces.numpy().astype(np.int64)
        self.weights = model.vertex_bone_weights.numpy().astype(np.float32)
        self.index = model.vertex_bone_indices.numpy().astype(np.int64)
        self.count = len(self.weights)
        self.start, self.neighbour = neighbour_lists(self.faces, self.count)
        self._template = model.template_vertices.numpy().reshape(-1)
        self._shapes = model.blendshapes.numpy().reshape(len(model.blendshapes), -1)
        self._head_template = model.template_bone_heads.numpy().reshape(-1)
        self._head_shapes = model.bone_heads_blendshapes.numpy().reshape(len(self._shapes), -1)
        self.arm = {side: self._share(_ARM, side) for side in (".L", ".R")}
        self.leg = {side: self._share(_LEG, side) for side in (".L", ".R")}
        self.arms, self.legs = self.arm[".L"] + self.arm[".R"], self.leg[".L"] + self.leg[".R"]
        self.head, self.neck = self._share(("head", "neck03", "eye")), self._share(("head", "neck", "eye"))
        self.eyes, self.hands = self._share(("eye",)), self._share(("wrist", "finger", "metacarpal"))
        self.feet = self._share(("foot", "toe"))

    def _share(self, names: tuple[str, ...], side: str = "") -> np.ndarray:
        """How much (N,) each vertex follows the bones whose names start so and end with `side`."""
        ids = [i for i, bone in enumerate(self.bones) if bone.startswith(names) and bone.endswith(side)]
        return (self.weights * np.isin(self.index, ids)).sum(1)

    def sample(self, rng: np.random.Generator) -> Body:
        """Draw an adult."""
        female = bool(rng.random() < 0.55)
        old = float(rng.uniform(0.6, 0.8) if rng.random() < 0.75 else rng.uniform(0.8, 0.97))
        phenotype = {
            "gender": float(np.clip((0.97 if female else 0.03) + rng.normal(0, 0.05), 0, 1)),
            "age": old,
            "muscle": rng.uniform(0.3, 0.75),
            "weight": float(np.clip(rng.normal(0.37, 0.17), 0.1, 1)),
            "height": rng.uniform(0.3, 0.75),
            "proportions": rng.uniform(0.45, 1),
            "cupsize": rng.uniform(0.2, 0.75),
            "firmness": rng.uniform(0.4, 0.8),
            "african": rng.random(),
            "asian": rng.random(),
            "caucasian": rng.random(),
        }
        local = dict(zip(_LOCAL, np.clip(rng.normal(0, 0.22, len(_LOCAL)), -0.5, 0.5), strict=True))
        return self.shape(phenotype, local)

    def shape(self, phenotype: dict[str, float], local: dict[str, float]) -> Body:
        """The body of a phenotype (anny's own names, 0 to 1) with local changes (-1 to 1)."""
        weights = self._weights(phenotype, local)
        used = np.nonzero(np.abs(weights) > _NEGLIGIBLE)[0]
        rest = (self._template + weights[used] @ self._shapes[used]).reshape(-1, 3).astype(np.float32)
        heads = (self._head_template + weights[used] @ self._head_shapes[used]).reshape(-1, 3).astype(np.float32)
        normals = vertex_normals(rest, self.faces)
        age = 25 + max(0.0, phenotype["age"] - 2 / 3) * 3 * 50
        return Body(self, rest, heads, normals, phenotype["gender"] > 0.5, age, chart_body(self, rest, heads))

    def _weights(self, phenotype: dict[str, float], local: dict[str, float]) -> np.ndarray:
        """Weight of each of anny's blend shapes: those of the phenotype, then two (more, less) per local change."""
        import torch
        from anny.models.phenotype import phenotype_blendshape_weights

        model = self._anny
        values = torch.tensor([[float(phenotype[label]) for label in model.phenotype_labels]])
        with torch.no_grad():
            first = phenotype_blendshape_weights(
                values,
                model.phenotype_labels,
                model.anchors,
                model.stacked_phenotype_blend_shapes_mask,
                extrapolate=model.extrapolate_phenotypes,
            )
            if model.phenotype_blendshape_projection is not None:
                first = first @ model.phenotype_blendshape_projection
        weights = np.zeros(len(self._shapes), np.float32)
        count = first.shape[1]
        weights[:count] = first[0].numpy()
        for label, value in local.items():
            weights[count + 2 * self._local[label] + (value < 0)] = abs(value)
        return weights


@lru_cache(maxsize=1)
def body_model() -> BodyModel:
    """The one body model of this process."""
    return BodyModel()
