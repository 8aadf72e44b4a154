"""Bodies at rest and posed: charts and kinematics."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture(scope="module")
def body(engine):
    from ragdiffusion.garments.people.bodies import body_model

    return body_model().sample(np.random.default_rng(3))


def test_charts_run_along_the_limbs(body):
    model, charts = body.model, body.charts
    hands = (model.hands > 0.95) & (body.rest[:, 0] > 0)
    assert charts.arm[hands].min() > 0.95
    elbow = np.linalg.norm(body.rest - charts.elbow, axis=1) < 0.05
    assert np.abs(charts.arm[elbow] - 0.5).max() < 0.2
    assert charts.arm[model.head > 0.9].max() <= 0
    knee = np.linalg.norm(body.rest - charts.knee, axis=1) < 0.06
    assert np.abs(charts.leg[knee] - 0.5).max() < 0.2


def test_the_trunks_front_is_0_and_its_back_2(body):
    trunk = (body.model.arms < 0.1) & (np.abs(body.rest[:, 2] - body.charts.waist_z) < 0.03)
    middle = trunk & (np.abs(body.rest[:, 0]) < 0.01)
    ahead = body.rest[:, 1] < body.charts.axis_y
    assert np.abs(body.charts.trunk[middle & ahead]).max() < 0.2
    assert np.abs(body.charts.trunk[middle & ~ahead]).min() > 1.8
    assert (np.sign(body.charts.trunk[trunk & ~middle]) == np.sign(body.rest[trunk & ~middle, 0])).all()


def test_left_and_right_charts_mirror(body):
    left = body.charts.arm[body.rest[:, 0] > 0.02]
    right = body.charts.arm[body.rest[:, 0] < -0.02]
    assert np.sort(left)[-200:] == pytest.approx(np.sort(right)[-200:], abs=0.02)


def test_no_turn_leaves_a_body_at_rest(body):
    from ragdiffusion.garments.people.poses import pose_body

    pose = pose_body(body, {}, {})
    assert np.abs(pose.points(body.rest) - body.rest).max() < 1e-4


def test_an_aimed_arm_points_there(body):
    from ragdiffusion.garments.people.poses import pose_body

    bone = body.model.bone
    pose = pose_body(body, {}, {bone["upperarm01.L"]: ((1, 0, 0), bone["lowerarm01.L"], 1)})
    elbow = pose.rigid(bone["lowerarm01.L"], body.head_of("lowerarm01.L")[None])[0]
    way = elbow - body.head_of("upperarm01.L")
    assert way / np.linalg.norm(way) == pytest.approx([1, 0, 0], abs=1e-3)
    untouched = body.model.legs > 0.99
    assert np.abs(pose.points(body.rest)[untouched] - body.rest[untouched]).max() < 1e-4


def test_bodies_differ_and_repeat(engine):
    from ragdiffusion.garments.people.bodies import body_model

    first, again, other = (body_model().sample(np.random.default_rng(seed)) for seed in (5, 5, 6))
    assert np.array_equal(first.rest, again.rest)
    assert np.abs(first.rest - other.rest).max() > 0.01
