"""The packaged versions of the prompt `answer`, one file each."""
