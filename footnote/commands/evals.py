"""`footnote eval`: all evaluations, one command each."""

import typer

from footnote.commands import (
    eval_abstention,
    eval_answers,
    eval_everyday,
    eval_grounding,
    eval_proof,
    eval_retrieval,
)
from footnote.evals.injection import injection
from footnote.evals.model_calibration import calibrate_model
from footnote.evals.pii import pii

app = typer.Typer(
    help="How good it is, on questions with known answers.",
    no_args_is_help=True,
    add_completion=False,
)
app.command("retrieval")(eval_retrieval.retrieval)
app.command("grounding")(eval_grounding.grounding)
app.command("abstention")(eval_abstention.abstention)
app.command("answers")(eval_answers.answers)
app.command("everyday")(eval_everyday.everyday)
app.command("calibrate")(eval_grounding.calibrate)
app.command("calibrate-model")(calibrate_model)
app.command("proof")(eval_proof.proof)
app.command("injection")(injection)
app.command("pii")(pii)
app.command("compare")(eval_retrieval.compare_runs)
app.command("report")(eval_retrieval.report_run)
