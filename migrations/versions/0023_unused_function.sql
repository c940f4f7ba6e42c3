DROP FUNCTION public.footnote_waiting_jobs();
