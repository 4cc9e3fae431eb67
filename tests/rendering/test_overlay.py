import numpy as np
import pytest

from rlctl.rendering.overlay import caption, with_heading


@pytest.mark.parametrize("shade", [0, 128, 255])
def test_text_is_readable_on_any_background(shade):
    page = np.full((240, 320, 3), shade, np.uint8)
    written = caption(page, "1.50 s    return 12.0")
    assert written.shape == page.shape
    assert written.dtype == np.uint8
    assert (page == shade).all()
    changed = (written != page).any(axis=-1)
    assert changed[:40, :200].any()
    assert not changed[60:].any()
    corner = written[:40, :200].astype(int)
    assert corner.max() > 230
    assert corner.min() < 100


def test_different_texts_look_different():
    page = np.full((240, 320, 3), 90, np.uint8)
    texts = "1.50 s", "1.51 s", "1.50 s\nforward +0.50"
    assert len({caption(page, text).tobytes() for text in texts}) == 3


def test_the_font_grows_with_the_image():
    def inked_rows(height, width):
        written = caption(np.zeros((height, width, 3), np.uint8), "return")
        return (written.max(axis=(1, 2)) > 200).sum()

    assert inked_rows(960, 1280) > 2 * inked_rows(240, 320)


def test_a_heading_is_below_and_disappears():
    page = np.full((240, 320, 3), 90, np.uint8)
    changed = (with_heading(page, "pendulum\n1,000 steps", 2.9) != page).any(axis=(1, 2))
    assert changed[180:].any()
    assert not changed[:180].any()
    assert with_heading(page, "pendulum", 3.0) is page
    assert with_heading(page, "", 0.0) is page


def test_text_larger_than_the_image_is_cut():
    assert caption(np.zeros((16, 16, 3), np.uint8), "a long text\n" * 9).shape == (16, 16, 3)
    assert caption(np.zeros((16, 16, 3), np.uint8), "a\n" * 9, low=True).shape == (16, 16, 3)
