"""Provisional."""
from app.claims import *


def extract(q,e,max_sentences=1):
    return Draft(status="answered",claims=tuple(DraftClaim(text=x.text,citations=(DraftCitation(source=x.source,quote=x.text),)) for x in e[:1]))
