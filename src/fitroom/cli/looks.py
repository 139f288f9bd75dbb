"""Commands that dress, and the one that brings other weights in."""

import click
from tqdm import tqdm

from fitroom.cli.base import (
    PICTURES,
    backend_option,
    bar,
    main,
    missing_extra,
    parser_option,
    point_option,
    reports_errors,
    segmenter_option,
    weights_option,
)


@main.command("try")
@click.argument("person")
@click.argument("garment")
@click.option("-o", "--output", required=True, help=f"Output file for the look: {PICTURES}.")
@click.option(
    "--mask",
    "garment_mask",
    help="Garment mask: a picture of the size of GARMENT, white inside the garment.  [default: computed]",
)
@weights_option
@backend_option
@click.option(
    "--size",
    type=click.Choice(["photo", "model"]),
    default="photo",
    show_default=True,
    help="Size of the look. photo: the size of the person's photo; model: the network's size, 192x256.",
)
@parser_option
@point_option("Pixel of the person to dress, if PERSON shows several.  [default: the largest person]")
@segmenter_option
@click.option("--show-mask", metavar="FILE", help="Also write the garment, cut out by its mask, on a green background.")
@reports_errors
def try_on(
    person: str,
    garment: str,
    output: str,
    garment_mask: str | None,
    weights: str,
    backend: str,
    size: str,
    parser: str,
    person_point: str | None,
    segmenter: str,
    show_mask: str | None,
) -> None:
    """Dress a person in a garment and write the look.

    PERSON is a photo of an upright person from the front; the upper body is dressed. GARMENT is a picture of a top,
    laid flat or on a hanger.
    """
    from fitroom.photo.decode import read, read_mask
    from fitroom.photo.encode import check_output, save_picture
    from fitroom.photo.segmenter import shown_mask
    from fitroom.tryon import TryOn, place_of

    place = None if person_point is None else place_of(person_point, "--person-point")
    for path in (output, show_mask):
        if path:
            check_output(path)
    tryon = TryOn.load(weights, backend, parser, segmenter)
    look = tryon(person, garment, garment_mask, size, place)  # type: ignore[arg-type]
    for warning in look.warnings:
        click.echo(f"notice: {warning.message}", err=True)
    click.echo(f"wrote {look.save(output)}")
    if show_mask:
        picture = read(garment, "garment")
        mask = read_mask(garment_mask) if garment_mask else tryon.garment_mask(picture)
        click.echo(f"wrote {save_picture(shown_mask(picture, mask), show_mask)}")


@main.command()
@click.argument("photo")
@click.option(
    "-o", "--output", required=True, help=f"Output file for labels and joints, drawn over the photo: {PICTURES}."
)
@click.option(
    "--labels",
    "label_file",
    metavar="FILE.png",
    help="Also write the labels: an 8-bit grey PNG with one label value per pixel.",
)
@click.option("--parser", default="parser", show_default=True, metavar="WEIGHTS", help="Human parser.")
@point_option("Pixel of the person whose joints are found, if PHOTO shows several.  [default: the largest person]")
@reports_errors
def parse(photo: str, output: str, label_file: str | None, parser: str, person_point: str | None) -> None:
    """Parse a photo of a person: label every pixel and find the joints."""
    from fitroom.errors import InputError
    from fitroom.photo.decode import read
    from fitroom.photo.drawing import draw_parse
    from fitroom.photo.encode import check_output, save_picture
    from fitroom.photo.framing import check_place
    from fitroom.photo.parse import parse_photo
    from fitroom.tryon import open_parser, place_of

    place = None if person_point is None else place_of(person_point, "--person-point")
    check_output(output)
    if label_file:
        check_output(label_file)
        if not label_file.lower().endswith(".png"):
            raise InputError(
                f"--labels {label_file}: need a file name that ends in .png; PNG keeps every label exactly."
            )
    picture = read(photo, "person")
    check_place(place, picture.shape[1], picture.shape[0])
    found = parse_photo(picture, open_parser(parser), place)
    click.echo(f"wrote {save_picture(draw_parse(picture, found), output)}")
    if label_file:
        click.echo(f"wrote {save_picture(found.labels, label_file)}")
    if not found.persons:
        click.echo("notice: nobody is found", err=True)


@main.command()
@click.option(
    "-o", "--output", default="fitroom-demo.png", show_default=True, help=f"Output file for the grid: {PICTURES}."
)
@weights_option
@reports_errors
def demo(output: str, weights: str) -> None:
    """Dress three shipped figures in four shipped garments and write a grid of the twelve looks."""
    from fitroom.demo import draw_grid, sample_names
    from fitroom.photo.encode import check_output, save_picture
    from fitroom.tryon import TryOn

    check_output(output)
    names = sample_names()
    tryon = TryOn.load(weights)
    grid = draw_grid(tryon, *names, progress=lambda items: bar(items, "dressing", len(names[0]) * len(names[1])))
    path = save_picture(grid, output)
    click.echo(f"wrote {path.absolute()}: {len(names[0])} figures in {len(names[1])} garments")


@main.command("import-weights")
@click.option("--warp", required=True, help="Published warp checkpoint (.pth).")
@click.option("--gen", "generator", required=True, help="Published generator checkpoint (.pth).")
@click.option(
    "--dialect",
    type=click.Choice(["official", "lzhms"]),
    required=True,
    help="Code that the checkpoints were trained with. official: PF-AFN; lzhms: the system of 2023, based on PF-AFN.",
)
@click.option("-o", "--output", required=True, help="Weights folder to write.")
@reports_errors
def import_weights(warp: str, generator: str, dialect: str, output: str) -> None:
    """Convert published PF-AFN checkpoints into a weights folder (needs the extra train)."""
    with missing_extra("train", "import-weights"):
        from fitroom.export.published import import_published
    with tqdm(total=3, bar_format="{desc}", leave=False, disable=None) as status:
        weights, dropped = import_published(warp, generator, dialect, output, step=status.set_description)  # type: ignore[arg-type]
    for name in dropped:
        click.echo(f"notice: dropped {name}, a smoothness filter that only training uses", err=True)
    click.echo(f"wrote {weights.folder}")
