"""How a film looks. Loads no framework, so that a wrong option is told at once."""

from dataclasses import dataclass

from rlctl.core.errors import UsageError
from rlctl.core.specs import EnvSpec
from rlctl.core.suggest import did_you_mean
from rlctl.rendering import grid

SIZE = 1280, 720  # pixels of a film's picture, tiles and all
SMALLER = {".gif": (640, 360), ".png": (320, 180)}  # of other files; of a contact sheet, of each
FREE = "free"  # the camera that needs no name in the model
_SIDES = 16, 4096
_MOST_FPS = 240.0


@dataclass(frozen=True)
class RenderOptions:
    """How a film looks.

    Attributes:
        camera: A camera of the scene or `free`; None for the environment's first.
        size: Width and height of a picture, in a film of several tiles of each, even numbers of
            pixels; None for 1280x720 for all tiles, 640x360 in a GIF, 320x180 in a contact sheet.
        fps: Frames per second; None for a whole fraction of the control rate, 50 at most, in a
            GIF 25.
    """

    camera: str | None = None
    size: tuple[int, int] | None = None
    fps: float | None = None

    def check(self, tiles: int = 1) -> None:
        """Raise unless size and fps can be drawn, of a film with so many tiles.

        Raises:
            UsageError: Out of range, or odd.
        """
        low, high = _SIDES
        for side in self.size or ():
            if not low <= side <= high or side % 2:
                raise UsageError(
                    f"a size of {self.size[0]}x{self.size[1]} cannot be encoded; "
                    f"width and height are even numbers from {low} to {high}"
                )
        columns, rows = grid.shape(tiles)
        width, height = self.tile(tiles)
        if max(columns * width, rows * height) > high:
            raise UsageError(
                f"{tiles} tiles of {width}x{height} make pictures of "
                f"{columns * width}x{rows * height}; {high}x{high} is the largest",
                "--size is that of one tile",
            )
        if self.fps is not None and not 0 < self.fps <= _MOST_FPS:
            raise UsageError(f"{self.fps:g} frames per second are not within 0 and {_MOST_FPS:g}")

    def tile(self, tiles: int, suffix: str = ".mp4") -> tuple[int, int]:
        """Width and height of each of so many tiles, in a file of that suffix."""
        if self.size:
            return self.size
        columns, _ = grid.shape(tiles)
        width, height = SMALLER.get(suffix.lower(), SIZE)
        return width // columns // 2 * 2, height // columns // 2 * 2

    def camera_among(self, known: tuple[str, ...], spec: EnvSpec) -> str:
        """The camera to look through, of those the scene has.

        Raises:
            UsageError: It has no such camera.
        """
        if self.camera is None:
            return next((name for name in spec.cameras if name in known), FREE)
        if self.camera not in known:
            raise UsageError(
                f"{spec.id} has no camera {self.camera!r}; it has {', '.join(known)}",
                did_you_mean(self.camera, known) or "leave --camera out for the first",
            )
        return self.camera
