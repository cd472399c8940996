"""The portrait studio: photographs brought to life under a known, moving light, so that tests and the demo have truth."""
