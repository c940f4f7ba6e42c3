"""A short way to put a claim and its quotes before the verifier."""

from app.claims import Draft, DraftCitation, DraftClaim, VerifiedClaim
from app.context import Context
from app.verify.verify import verify


def judge(claim: str, *quotes: str, context: Context, source: str | None = None) -> VerifiedClaim:
    """The verdict on one claim that cites these quotes of the first source, or of the one named."""
    source_id = context.sources[0].id if source is None else source
    citations = tuple(DraftCitation(source=source_id, quote=quote) for quote in quotes)
    draft = Draft(status="answered", claims=(DraftClaim(text=claim, citations=citations),))
    return verify(draft, context).claims[0]
