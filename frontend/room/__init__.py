"""The pages of a video call."""
