"""The command that serves."""

from pathlib import Path

import click

from fitroom.cli.base import main, missing_extra, parser_option, reports_errors, segmenter_option


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0: any that is free.")
@click.option(
    "--workers",
    type=click.IntRange(0, 256),
    default=0,
    help="Looks made at the same time. Without it as many as this processor runs best.",
)
@click.option(
    "--waiting",
    type=click.IntRange(0),
    default=16,
    show_default=True,
    help="Requests that may wait for a worker; more are told to come back.",
)
@click.option("--data-dir", default="fitroom-data", show_default=True, help="Folder of registered garments.")
@click.option("--weights", default="lite", show_default=True, help="Shipped weights by name, or a weights folder.")
@parser_option
@segmenter_option
@click.option("--api-keys", help="File of keys, a line each: a name and its key. Needed beyond this machine.")
@click.option("--rate", default="300/minute", show_default=True, help="Requests of one key.")
@click.option("--insecure", is_flag=True, help="Listen beyond this machine without keys.")
@click.option("--upload-mb", type=click.IntRange(1), default=16, show_default=True, help="Largest request.")
@click.option("--megapixels", type=click.IntRange(1, 64), default=24, show_default=True, help="Largest picture.")
@click.option(
    "--persons-mb", type=click.IntRange(1), default=256, show_default=True, help="Memory for persons sent ahead."
)
@click.option(
    "--person-minutes",
    type=click.FloatRange(0, min_open=True),
    default=15,
    show_default=True,
    help="Time after which they are forgotten.",
)
@click.option("--cors", multiple=True, metavar="ORIGIN", help="Origin whose pages may ask; may be given again.")
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
    """Serve a page and a REST interface (needs the extra serve).

    Photos stay in memory; garments are kept in --data-dir.
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
