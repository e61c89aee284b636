"""The web server's way to stop: the first signal finishes what is under way, a second one does not wait."""

from types import FrameType

import uvicorn

from app import stopping


class Server(uvicorn.Server):
    """Uvicorn, which tells streams that they are to end; else a page that listens would hold it to the last second."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Note the signal, and stop; at once where it is the second."""
        if stopping.is_asked():
            self.force_exit = True
        stopping.ask()
        super().handle_exit(sig, frame)
