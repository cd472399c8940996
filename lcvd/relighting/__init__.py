"""Relight and animate a portrait: from a portrait, a motion and a light to a video."""
