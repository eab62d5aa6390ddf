"""Look at one object with its files and annotations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from synapse._internal.lazy_import import load
from synapse.orm.resource import Resource

if TYPE_CHECKING:
    from synapse.orm.shown import Shown

__all__ = ["ShowMixin"]


class ShowMixin(Resource):
    """Adds `show()` to a resource with files or annotations."""

    __slots__ = ()

    def show(self) -> Shown:
        """Return the object large: pictures with their annotations, classes and fields.

        One request for each file that isn't in the cache, four files at most. One more if the files
        aren't loaded, and one for annotations that the server stores elsewhere. A text shows its
        beginning, a point cloud the view from above, a sound its waveform, a video its first frame.

        Returns:
            Output that is HTML in a notebook, and text elsewhere.

        Raises:
            ClientError: The object can't be loaded. A file that can't be fetched isn't an error:
                the output says so.

        Example:
            >>> task = project.tasks[0]
            >>> task.show().requests
            1
        """
        shown: Shown = load("synapse.display.cards").show_one(self)
        return shown
