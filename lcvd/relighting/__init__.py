"""Relight and animate a portrait: portrait, motion and light to a video."""
