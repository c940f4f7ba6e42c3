"""Provisional."""
from dataclasses import dataclass


@dataclass
class SentenceEvidence:
    source: str; text: str; score: float
def rank_sentences(question, context, embedder):
    import re
    out=[]
    for s in context.sources:
        for t in re.split(r"(?<=[.!?])\s+|\n", s.passage.text):
            if t.strip(): out.append(SentenceEvidence(s.id,t.strip(),0))
    q=embedder.embed_queries([question])[0]; v=embedder.embed_queries([o.text for o in out])
    for o,x in zip(out,v): o.score=float(x@q)+.5
    return sorted(out,key=lambda o:-o.score)
def evidence_score(e): return e[0].score if e else 0
