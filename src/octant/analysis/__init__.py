"""From runs to a conclusion: comparison (frames in, frames out), figures (frames to axes), report (words, pages)."""
