"""Templates escape inserted text and refuse undefined names."""

import pytest
from jinja2 import UndefinedError

from lcvd.report.templates import templates_of


def test_text_is_escaped_and_undefined_names_are_errors():
    template = templates_of("lcvd.report").from_string("{{ name }}")
    assert template.render(name="<b>") == "&lt;b&gt;"
    with pytest.raises(UndefinedError):
        template.render()
