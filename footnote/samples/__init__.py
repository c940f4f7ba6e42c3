"""The sample documents and questions of the demo: one invented company, Tarn & Quist."""
