"""Camera, size and frame rate of a video.

Loads no framework, so that a wrong option is reported before anything slow starts.
"""

from dataclasses import dataclass

from rlctl.core.errors import UsageError
from rlctl.core.specs import EnvSpec
from rlctl.core.suggest import did_you_mean
from rlctl.rendering import grid

SIZE = 1280, 720  # pixels of a video frame, all tiles together
SMALLER = {
    ".gif": (640, 360),
    ".png": (320, 180),
}  # of other formats; each image of a contact sheet
FREE = "free"  # the camera that is not defined in the model
_SIDES = 16, 4096  # pixels; encoders fail outside
_MAX_FPS = 240.0


@dataclass(frozen=True)
class RenderOptions:
    """Camera, size and frame rate of a video.

    Attributes:
        camera: A camera of the scene or `free`; None for the environment's first.
        size: Width and height of the image, or of each tile if there are several; even numbers
            of pixels. None for 1280x720 for all tiles together, 640x360 in a GIF, 320x180 in a
            contact sheet.
        fps: Frames per second; None for the control rate divided by an integer, at most 50, in
            a GIF 25.
    """

    camera: str | None = None
    size: tuple[int, int] | None = None
    fps: float | None = None

    def validate(self, tiles: int = 1) -> None:
        """Check that a video of `tiles` tiles can have this size and frame rate.

        Raises:
            UsageError: Out of range, or odd.
        """
        low, high = _SIDES
        if self.size and any(not low <= side <= high or side % 2 for side in self.size):
            raise UsageError(
                f"a size of {self.size[0]}x{self.size[1]} cannot be encoded; "
                f"width and height are even numbers from {low} to {high}"
            )
        columns, rows = grid.shape(tiles)
        width, height = self.tile(tiles)
        if max(columns * width, rows * height) > high:
            raise UsageError(
                f"{tiles} tiles of {width}x{height} make frames of "
                f"{columns * width}x{rows * height}; {high}x{high} is the largest",
                "--size is the size of one tile",
            )
        if self.fps is not None and not 0 < self.fps <= _MAX_FPS:
            raise UsageError(f"{self.fps:g} frames per second are not between 0 and {_MAX_FPS:g}")

    def tile(self, tiles: int, suffix: str = ".mp4") -> tuple[int, int]:
        """Return width and height of each of `tiles` tiles, for a file with this suffix."""
        if self.size:
            return self.size
        columns, _ = grid.shape(tiles)
        width, height = SMALLER.get(suffix.lower(), SIZE)
        return width // columns // 2 * 2, height // columns // 2 * 2

    def resolve_camera(self, known: tuple[str, ...], spec: EnvSpec) -> str:
        """Return the camera to use, one of `known`.

        Raises:
            UsageError: The scene has no such camera.
        """
        if self.camera is None:
            return next((name for name in spec.cameras if name in known), FREE)
        if self.camera not in known:
            raise UsageError(
                f"{spec.id} has no camera {self.camera!r}; it has {', '.join(known)}",
                did_you_mean(self.camera, known) or "leave --camera out for the first",
            )
        return self.camera
