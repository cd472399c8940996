"""Portrait studio: renders clips of photographed and computer-generated people under known, moving light, as ground
truth for tests and the demo."""
