import mujoco
import numpy as np

from rlctl.envs.rotations import rotate, rotate_inverse


def test_rotations_equal_mujoco(rng):
    for _ in range(20):
        quaternion, vector = rng.normal(size=4), rng.normal(size=3)
        quaternion /= np.linalg.norm(quaternion)
        expected, inverse = np.zeros(3), np.zeros(4)
        mujoco.mju_rotVecQuat(expected, vector, quaternion)
        turned = rotate(np.float32(quaternion), np.float32(vector))
        np.testing.assert_allclose(turned, expected, atol=1e-6)

        mujoco.mju_negQuat(inverse, quaternion)
        mujoco.mju_rotVecQuat(expected, vector, inverse)
        turned = rotate_inverse(np.float32(quaternion), np.float32(vector))
        np.testing.assert_allclose(turned, expected, atol=1e-6)
