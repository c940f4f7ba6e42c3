"""`footnote eval`: all evaluations, one command each."""

import typer

from footnote.commands import (
    eval_abstention,
    eval_answers,
    eval_everyday,
    eval_grounding,
    eval_guards,
    eval_proof,
    eval_retrieval,
    eval_runs,
)

app = typer.Typer(
    help="Measure quality, on questions with known answers.",
    no_args_is_help=True,
    add_completion=False,
)
app.command("retrieval")(eval_retrieval.retrieval)
app.command("grounding")(eval_grounding.grounding)
app.command("abstention")(eval_abstention.abstention)
app.command("answers")(eval_answers.answers)
app.command("everyday")(eval_everyday.everyday)
app.command("calibrate")(eval_grounding.calibrate)
app.command("calibrate-model")(eval_grounding.calibrate_model)
app.command("proof")(eval_proof.proof)
app.command("injection")(eval_guards.injection)
app.command("pii")(eval_guards.pii)
app.command("compare")(eval_runs.compare_runs)
app.command("report")(eval_runs.report_run)
