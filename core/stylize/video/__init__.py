"""Video: frames in and out one at a time, with their times, sound and subtitles."""
