"""The command that serves."""

from pathlib import Path

import click

from fitroom.cli.base import main, missing_extra, parser_option, reports_errors, segmenter_option, weights_option


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    help="Port to listen on; 0: any free port.",
)
@click.option(
    "--workers",
    type=click.IntRange(0, 256),
    default=0,
    help="Number of looks computed in parallel; 0: as many as OpenVINO recommends.  [default: 0]",
)
@click.option(
    "--waiting",
    type=click.IntRange(0),
    default=16,
    show_default=True,
    help="Number of requests that may wait for a worker. Further requests get status 503.",
)
@click.option(
    "--data-dir", default="fitroom-data", show_default=True, help="Folder of registered garments; created if missing."
)
@weights_option
@parser_option
@segmenter_option
@click.option(
    "--api-keys",
    help="File of API keys, one name and key per line. Required if other machines can reach --host, except with "
    "--insecure.",
)
@click.option("--rate", default="300/minute", show_default=True, help="Maximum request rate of each API key.")
@click.option("--insecure", is_flag=True, help="Allow other machines to reach the service without API keys.")
@click.option(
    "--upload-mb", type=click.IntRange(1), default=16, show_default=True, help="Maximum size of a request, in MB."
)
@click.option(
    "--megapixels",
    type=click.IntRange(1, 64),
    default=24,
    show_default=True,
    help="Maximum size of a picture, in megapixels.",
)
@click.option(
    "--persons-mb",
    type=click.IntRange(1),
    default=256,
    show_default=True,
    help="Memory for persons registered by POST /v1/persons, in MB.",
)
@click.option(
    "--person-minutes",
    type=click.FloatRange(0, min_open=True),
    default=15,
    show_default=True,
    help="Minutes after which a registered person expires.",
)
@click.option(
    "--cors",
    multiple=True,
    metavar="ORIGIN",
    help="Origin whose pages may call the API, such as https://shop.example. Repeatable.",
)
@reports_errors
def serve(
    host: str,
    port: int,
    workers: int,
    waiting: int,
    data_dir: str,
    weights: str,
    parser: str,
    segmenter: str,
    api_keys: str | None,
    rate: str,
    insecure: bool,
    upload_mb: int,
    megapixels: int,
    persons_mb: int,
    person_minutes: float,
    cors: tuple[str, ...],
) -> None:
    """Serve the web page and the REST API (needs the extra serve).

    Uploaded photos are kept in memory only. Registered garments are stored in --data-dir.
    """
    with missing_extra("serve", "serve"):
        from fitroom.serve.server import serve as run
        from fitroom.serve.settings import ServeConfig
    config = ServeConfig(
        weights=weights,
        parser=parser,
        segmenter=segmenter,
        data_dir=Path(data_dir),
        workers=workers,
        waiting=waiting,
        upload_mb=upload_mb,
        megapixels=megapixels,
        persons_mb=persons_mb,
        person_minutes=person_minutes,
        api_keys=Path(api_keys) if api_keys else None,
        rate=rate,
        cors=cors,
    )
    run(config, host, port, insecure, lambda address: click.echo(f"serving on {address}"))
