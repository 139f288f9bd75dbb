"""Run the service with Uvicorn."""

from collections.abc import Callable

import uvicorn

from fitroom.errors import OutputError
from fitroom.serve.app import create_app
from fitroom.serve.metrics import Metrics
from fitroom.serve.settings import ServeConfig, check_bind
from fitroom.serve.studio import Studio

GRACE_SECONDS = 30  # for requests in progress when the service is stopped


class Server(uvicorn.Server):
    """Uvicorn's server, which reports its addresses once it listens."""

    def __init__(self, config: uvicorn.Config, listening: Callable[[str], None]) -> None:
        super().__init__(config)
        self.listening = listening

    async def startup(self, sockets: list | None = None) -> None:  # type: ignore[type-arg]
        """Start to listen, and pass each address to `listening`."""
        await super().startup(sockets)
        for server in self.servers:
            for socket in server.sockets:
                host, port = socket.getsockname()[:2]
                self.listening(f"http://{f'[{host}]' if ':' in host else host}:{port}")


def serve(config: ServeConfig, host: str, port: int, insecure: bool, listening: Callable[[str], None]) -> None:
    """Run the service until it is stopped.

    `listening` is called with each address. Requests in progress at the stop have GRACE_SECONDS to finish.
    Raises InputError, WeightsError or OutputError before it listens.
    """
    check_bind(host, config, insecure)
    metrics = Metrics()
    app = create_app(config, Studio(config, metrics), metrics)
    server = Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            access_log=False,
            log_level="warning",
            server_header=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
        ),
        listening,
    )
    try:
        server.run()
    except SystemExit as error:
        raise OutputError(
            f"http://{host}:{port}: can't listen on this address; another program may be using the port."
        ) from error
