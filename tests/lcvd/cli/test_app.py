"""``lcvd app`` refuses before it serves."""

from click.testing import CliRunner

from lcvd.cli.main import cli


def test_a_model_that_is_not_there_is_an_error(tmp_path):
    found = CliRunner().invoke(
        cli, ["app", "--model", str(tmp_path / "nothing"), "--scratch", str(tmp_path), "--port", "0"]
    )
    assert found.exit_code != 0
    assert "nothing" in str(found.exception) + found.output


def test_its_options_are_told():
    found = CliRunner().invoke(cli, ["app", "--help"])
    assert found.exit_code == 0
    for option in ("--model", "--examples", "--scratch", "--host", "--port"):
        assert option in found.output
