"""Commands that measure, and the one that reports what was measured."""

import functools

import click

from fitroom.cli.base import PICTURES, backend_option, bar, main, missing_extra, reports_errors, weights_option


@main.command()
@click.option("--data", "data_folder", required=True, help="Data folder in a VITON layout, or a pack.")
@click.option(
    "--pairs",
    required=True,
    help="Unpaired list, each person with another person's garment: a file, or the name of a list in --data.",
)
@click.option("--paired", help="Paired list, each person with their own garment; needed for the warp measures.")
@weights_option
@backend_option
@click.option(
    "--baseline",
    type=click.Choice(["copy", "paste"]),
    help="Measure a baseline instead of --weights. copy: the photo unchanged; paste: the garment scaled to the torso.",
)
@click.option(
    "--looks",
    metavar="DIR",
    help="Measure the files PERSON_GARMENT.png in this folder instead of --weights, with the measures that need only "
    "pictures.",
)
@click.option(
    "--parser",
    default="parser",
    show_default=True,
    metavar="WEIGHTS",
    help="Human parser that labels the pictures for the measures.",
)
@click.option(
    "--inception",
    metavar="PATH|download",
    help="TorchScript file of Inception v3, for FID and KID; download: fetch it (96 MB).  "
    "[default: $FITROOM_INCEPTION or the cache]",
)
@click.option(
    "--lpips",
    metavar="PATH|download",
    help="TorchScript file of VGG-16, for LPIPS; download: fetch it (553 MB).  [default: $FITROOM_LPIPS or the cache]",
)
@click.option("-o", "--output", help="JSON file for all figures, including those of every pair.")
@click.option("--csv", "csv_file", help="CSV file to append a row to: the figures, command, hardware and versions.")
@click.option("--grid", help=f"Output file for a contact sheet of the worst cases: {PICTURES}.")
@click.option(
    "--worst",
    default="swap_back_ssim",
    show_default=True,
    metavar="MEASURE",
    help="Measure that selects the cases of --grid.",
)
@click.option(
    "--cases", type=click.IntRange(1, 300), default=24, show_default=True, help="Number of cases on the contact sheet."
)
@reports_errors
def evaluate(
    data_folder: str,
    pairs: str,
    paired: str | None,
    weights: str,
    backend: str,
    baseline: str | None,
    looks: str | None,
    parser: str,
    inception: str | None,
    lpips: str | None,
    output: str | None,
    csv_file: str | None,
    grid: str | None,
    worst: str,
    cases: int,
) -> None:
    """Evaluate weights, a baseline or a folder of looks on pair lists (needs the extra evaluate)."""
    with missing_extra("evaluate", "evaluate"):
        from fitroom.evaluate import evaluate as evaluating
        from fitroom.evaluate import grid as sheet
        from fitroom.evaluate import record
        from fitroom.evaluate.measures import table
        from fitroom.evaluate.plan import make_plan
        from fitroom.evaluate.systems import open_system
    from fitroom.errors import InputError
    from fitroom.hardware import command
    from fitroom.photo.encode import check_output, save_picture
    from fitroom.store import open_weights
    from fitroom.tryon import open_parser

    if output:
        record.check_file(output)
    if csv_file:
        record.check_csv(csv_file)
    if grid:
        check_output(grid)
        sheet.check_measure(worst, paired is not None)
    if looks and (baseline or grid or inception or lpips):
        raise InputError(
            "--looks only measures existing pictures; leave out --baseline, --grid, --inception and --lpips."
        )
    judge = open_weights(parser).manifest
    plan = make_plan(data_folder, pairs, paired, bar)
    measures = evaluating.look_measures_of(plan, open_parser(parser))
    system = None if looks else open_system(weights, backend, baseline)
    if system is None:
        result = evaluating.evaluate_folder(str(looks), plan, measures, bar)
        named = str(looks), "", ""
    else:
        warn = functools.partial(click.echo, err=True)
        result = evaluating.evaluate(
            system, plan, inception, lpips, bar, notify=lambda line: warn(f"warning: {line}"), measures=measures
        )
        named = system.name, system.version, system.backend
    for line in table(result.figures, result.not_measured):
        click.echo(line)
    came_from = record.origin(*named, plan, f"{judge.name} {judge.version}", command())
    if output:
        click.echo(f"wrote {record.write_json(output, result, came_from)}")
    if csv_file:
        click.echo(f"added a row to {record.append_csv(csv_file, result, came_from)}")
    if grid and system is not None:
        listed = sheet.worst_cases(result, worst, cases)
        click.echo(f"wrote {save_picture(sheet.contact_sheet(system, plan, listed, worst, bar), grid)}")


@main.command("evaluate-street")
@click.argument("street", metavar="DIR")
@click.option(
    "--pairs",
    required=True,
    help="CSV file with the columns photo, a name in DIR, and garment, a file name in --garments.",
)
@click.option(
    "--garments",
    required=True,
    metavar="DATA",
    help="Source of the garments: a data folder in a VITON layout, or a pack.",
)
@click.option(
    "--owners",
    default="val_pairs_paired.txt",
    show_default=True,
    help="Paired list of DATA. The garment in a look is compared with the photo of its own wearer.",
)
@weights_option
@click.option(
    "--looks",
    metavar="FOLDER",
    help="Measure the files PHOTO_GARMENT.png in this folder instead of --weights. A missing file counts as refused.",
)
@click.option(
    "--parser",
    default="parser",
    show_default=True,
    metavar="WEIGHTS",
    help="Human parser that labels the pictures for the measures.",
)
@click.option("--csv", "csv_file", help="CSV file to append a row to: the figures, command, hardware and versions.")
@reports_errors
def evaluate_street(
    street: str,
    pairs: str,
    garments: str,
    owners: str,
    weights: str,
    looks: str | None,
    parser: str,
    csv_file: str | None,
) -> None:
    """Evaluate weights or a folder of looks on labelled street photos (needs the extra evaluate).

    DIR holds photos/, labels/ and labels.csv, which gives the meaning of the label values. Prints the number of refused
    photos, the leftover of the old clothes, damage, realism, and the differences in the garment's cut and print size.
    """
    with missing_extra("evaluate", "evaluate-street"):
        from fitroom.evaluate import street as evaluating
        from fitroom.evaluate.street_record import append_street, check_street_csv, street_table
    from fitroom.data.pack import open_reader
    from fitroom.data.street import open_labelled
    from fitroom.hardware import command
    from fitroom.store import open_weights
    from fitroom.tryon import TryOn, open_parser

    if csv_file:
        check_street_csv(csv_file)
    judge = open_weights(parser).manifest
    folder, reader, listed = open_labelled(street), open_reader(garments), evaluating.read_street_pairs(pairs)
    wearers = evaluating.wearers_of(reader, reader.pairs(owners).pairs)
    if looks:
        dress, named = evaluating.looks_of_folder(looks, listed), (looks, "")
    else:
        tryon = TryOn.load(weights)
        dress, named = evaluating.looks_of_tryon(tryon), (weights, tryon.weights.manifest.version)
    found = evaluating.evaluate_street(dress, folder, listed, reader, wearers, open_parser(parser), bar)
    for line in street_table(found):
        click.echo(line)
    if csv_file:
        row = append_street(csv_file, found, *named, pairs, f"{judge.name} {judge.version}", command())
        click.echo(f"added a row to {row}")


@main.command("evaluate-parser")
@click.argument("folder", metavar="DIR")
@click.option(
    "--list",
    "listed",
    default="val.txt",
    show_default=True,
    help="For labelled photos: a file in DIR with one name per line. For a VITON layout or a pack: a pair list.",
)
@click.option(
    "--mapping",
    help="CSV file with the columns value,name,group: the meaning of the labels.  [default: labels.csv in DIR]",
)
@click.option("--joints", help="CSV file with the columns photo,joint,x,y: joints marked by hand, in pixels.")
@click.option(
    "--scenes",
    is_flag=True,
    help="For a VITON layout or a pack: change the size and place of each person, and the background.",
)
@click.option("--parser", default="parser", show_default=True, metavar="WEIGHTS", help="Human parser to evaluate.")
@click.option("--confusion", help=f"Output file for the confusion matrix: {PICTURES}.")
@click.option("--csv", "csv_file", help="CSV file to append the figures to, one row per figure.")
@reports_errors
def evaluate_parser(
    folder: str,
    listed: str,
    mapping: str | None,
    joints: str | None,
    scenes: bool,
    parser: str,
    confusion: str | None,
    csv_file: str | None,
) -> None:
    """Evaluate a human parser on labelled photos (needs the extra evaluate).

    Prints the IoU of every label, pooled over all pixels and as the median over photos, the share of joints that are
    found, and their error. DIR holds photos/, labels/ and labels.csv, or is a data folder in a VITON layout or a pack.
    """
    with missing_extra("evaluate", "evaluate-parser"):
        from fitroom.evaluate import parser as evaluating
        from fitroom.evaluate.parser_cases import labelled_cases, scene_cases, viton_cases
        from fitroom.evaluate.parser_record import append_parser, check_parser_csv, draw_confusion, parser_table
    from pathlib import Path

    from fitroom.data import label_sets
    from fitroom.errors import InputError
    from fitroom.hardware import command
    from fitroom.photo.encode import check_output, save_picture
    from fitroom.photo.parse import parse_photo
    from fitroom.store import open_weights
    from fitroom.tryon import open_parser

    if csv_file:
        check_parser_csv(csv_file)
    if confusion:
        check_output(confusion)
    manifest, opened = open_weights(parser).manifest, open_parser(parser)
    labelled = (Path(folder) / "photos").is_dir()
    if labelled and scenes:
        raise InputError("--scenes needs a folder in the VITON layout, not a folder of labelled photos.")
    if not labelled and (mapping or joints):
        raise InputError(
            "--mapping and --joints are for labelled photos; the VITON layout has its own labels and key points."
        )
    if labelled:
        cases, groups = labelled_cases(folder, listed, mapping, joints), label_sets.STREET
    elif scenes:
        cases, groups = scene_cases(folder, listed), label_sets.VITON
    else:
        cases, groups = viton_cases(folder, listed), label_sets.VITON
    found = evaluating.measure_parsing(bar(cases, "parsing"), lambda photo: parse_photo(photo, opened), groups)
    for line in parser_table(found):
        click.echo(line)
    if confusion:
        click.echo(f"wrote {save_picture(draw_confusion(found), confusion)}")
    if csv_file:
        data = f"{Path(folder).name} {Path(listed).name}{' scenes' if scenes else ''}"
        row = append_parser(csv_file, found, f"{manifest.name} {manifest.version}", data, command())
        click.echo(f"added a row to {row}")


@main.command()
@click.option(
    "--results",
    default="results",
    show_default=True,
    help="Folder of the measured CSV files, with the original system's tables in original/.",
)
@click.option(
    "-o",
    "--output",
    default="docs/results.md",
    show_default=True,
    help="Markdown page to write. Plots go into a folder of the same name beside it.",
)
@reports_errors
def report(results: str, output: str) -> None:
    """Write the results page (needs the extra evaluate).

    It compares our measured figures with those of the original system of 2023, in tables and plots.
    """
    with missing_extra("evaluate", "report"):
        from fitroom.evaluate.report import write_report
    click.echo(f"wrote {write_report(results, output)}")
