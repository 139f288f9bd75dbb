"""Commands that measure, and the one that reports what was measured."""

import functools

import click

from fitroom.cli.base import PICTURES, bar, main, missing_extra, reports_errors


@main.command()
@click.option("--data", "data_folder", required=True, help="Data folder in a VITON layout, or a pack.")
@click.option(
    "--pairs", required=True, help="Pair list, a file or one of the data: persons, each with another's garment."
)
@click.option("--paired", help="Pair list: persons, each with the garment they wear; for the warp.")
@click.option("--weights", default="lite", show_default=True, help="Shipped weights by name, or a weights folder.")
@click.option("--backend", type=click.Choice(["openvino", "onnx", "torch"]), default="openvino", show_default=True)
@click.option(
    "--baseline",
    type=click.Choice(["copy", "paste"]),
    help="Measure this in place of weights. copy: the person unchanged; paste: the garment scaled onto the torso.",
)
@click.option(
    "--looks",
    metavar="DIR",
    help="Measure this folder of looks, PERSON_GARMENT.png, in place of weights, "
    "with measures that need pictures alone.",
)
@click.option("--parser", default="parser", show_default=True, metavar="WEIGHTS", help="Parser whose labels are used.")
@click.option("--inception", metavar="PATH|download", help="TorchScript Inception, for FID and KID.")
@click.option("--lpips", metavar="PATH|download", help="TorchScript VGG-16 with LPIPS weights.")
@click.option("-o", "--output", help="Where to write all figures, of every pair too: JSON.")
@click.option("--csv", "csv_file", help="CSV file to append a row of figures to, with what made them.")
@click.option("--grid", help=f"Contact sheet to draw, worst cases first: {PICTURES}.")
@click.option(
    "--worst", default="swap_back_ssim", show_default=True, metavar="MEASURE", help="Measure that sorts the cases."
)
@click.option("--cases", type=click.IntRange(1, 300), default=24, show_default=True, help="Cases on the sheet.")
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
    """Measure weights, a baseline or a folder of looks on lists of pairs (needs the extra evaluate)."""
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
        raise InputError("--looks measures pictures alone: without --baseline, --grid, --inception and --lpips.")
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
@click.option("--pairs", required=True, help="CSV of photo,garment: names of photos of DIR, and of garments.")
@click.option("--garments", required=True, metavar="DATA", help="Data folder in a VITON layout, or a pack.")
@click.option(
    "--owners",
    default="val_pairs_paired.txt",
    show_default=True,
    help="Pair list of DATA that says who wears the garments.",
)
@click.option("--weights", default="lite", show_default=True, help="Shipped weights by name, or a weights folder.")
@click.option("--looks", metavar="FOLDER", help="Measure this folder of looks, PHOTO_GARMENT.png, in place of weights.")
@click.option("--parser", default="parser", show_default=True, metavar="WEIGHTS", help="Parser whose labels are used.")
@click.option("--csv", "csv_file", help="CSV file to append a row of figures to, with what made them.")
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
    """Measure weights or a folder of looks on labelled photos of any kind (needs the extra evaluate).

    DIR holds photos/, labels/ and labels.csv, which says what the labels' values mean. Prints refusals, leftover of the
    old clothes, damage and realism.
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
    help="For a folder of labelled photos: names, one a line. For a data folder in a VITON layout: a pair list.",
)
@click.option("--mapping", help="CSV of value,name,group of the labels; labels.csv of DIR where not given.")
@click.option("--joints", help="CSV of photo,joint,x,y: joints marked by hand, in pixels of the photos.")
@click.option(
    "--scenes", is_flag=True, help="Show persons of a VITON layout at other sizes and places, before other backgrounds."
)
@click.option("--parser", default="parser", show_default=True, metavar="WEIGHTS", help="The parser to measure.")
@click.option("--confusion", help=f"Draw the confusion matrix: {PICTURES}.")
@click.option("--csv", "csv_file", help="CSV file to append a row of figures to, with what made them.")
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
    """Measure a human parser on photos with labels (needs the extra evaluate).

    Prints intersection over union of every label, over all pixels and as the median over photos, and how many joints
    are found. DIR holds photos/, labels/ and labels.csv, or is a data folder in a VITON layout, or a pack.
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
        raise InputError("--scenes: scenes are made of a VITON layout alone.")
    if not labelled and (mapping or joints):
        raise InputError("--mapping and --joints: a VITON layout has labels and key points of its own.")
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
@click.option("--results", default="results", show_default=True, help="Folder with measured CSV files, and original/.")
@click.option(
    "-o", "--output", default="docs/results.md", show_default=True, help="Markdown page; plots lie beside it."
)
@reports_errors
def report(results: str, output: str) -> None:
    """Write measured figures beside the original system's as one page with plots (needs the extra evaluate)."""
    with missing_extra("evaluate", "report"):
        from fitroom.evaluate.report import write_report
    click.echo(f"wrote {write_report(results, output)}")
