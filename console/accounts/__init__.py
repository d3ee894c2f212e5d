"""Who is signed in: passwords, one-time codes, sessions, and limits on guessing."""
