import numpy as np

from lcvd.face.draw import draw_mesh, draw_points


def test_points_land_on_their_pixels_and_the_picture_is_left_alone():
    image = np.zeros((20, 30, 3), np.uint8)
    drawn = draw_points(image, np.array([[10.5, 5.5]]), (255, 0, 0), radius=1)
    assert drawn[5, 10, 0] > 200
    assert not image.any()
    assert not drawn[15:, 20:].any()


def test_only_front_faces_are_drawn():
    image = np.zeros((20, 20, 3), np.uint8)
    points = np.array([[2.5, 2.5], [2.5, 15.5], [15.5, 2.5]])
    front, back = np.array([[0, 1, 2]]), np.array([[0, 2, 1]])
    assert draw_mesh(image, points, front).any()
    assert not draw_mesh(image, points, back).any()
