"""`footnote eval injection` and `pii`: what the guards of questions and claims see."""

from typing import cast

from footnote.evals.injection import measure_injection
from footnote.evals.pii import measure_pii
from footnote.output import JsonOption, console, print_json
from kb.settings import Settings


def injection(
    as_json: JsonOption = False,
) -> None:
    """Measure what planted instructions and jailbreaks come to."""
    report = measure_injection(Settings().evaldata)
    if as_json:
        print_json(report)
        return
    for name, figures in report.items():
        console.print(f"{name}:")
        for label, value in cast("dict[str, object]", figures).items():
            is_rate = isinstance(value, dict) and set(value) == {"count", "of"}
            shown = f"{value['count']} of {value['of']}" if is_rate else value  # type: ignore[index]
            console.print(f"  {label}: {shown}")


def pii(
    as_json: JsonOption = False,
) -> None:
    """Measure how much personal data is found."""
    report = measure_pii(Settings().evaldata)
    if as_json:
        print_json(report)
        return
    console.print(f"{report['texts']} texts, {report['microseconds_a_text']} microseconds each")
    for kind, figures in report["kinds"].items():
        console.print(
            f"  {kind}: precision {figures['precision']:.3f}, recall {figures['recall']:.3f} "
            f"({figures['found']} of {figures['present']}, {figures['wrong']} wrong)"
        )
    unreached = ", ".join(f"{name} {count}" for name, count in report["out_of_reach"].items())
    console.print(f"  not looked for: {unreached}")
