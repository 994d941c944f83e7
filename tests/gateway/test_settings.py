"""Settings: where they come from, which come first, and what is said to who misspells one."""

from pathlib import Path

import pytest

from gateway.settings import SettingsError, load


def write(folder: Path, text: str) -> Path:
    file = folder / "guichet.toml"
    file.write_text(text)
    return file


def test_without_a_file_the_defaults_serve():
    settings = load(None, {})
    assert (settings.host, settings.country) == ("127.0.0.1", "XZ")
    assert (settings.schemas / "packages").is_dir()
    assert settings.base_url == "http://127.0.0.1:8080"


def test_a_file_sets_what_it_names(tmp_path):
    file = write(
        tmp_path,
        """
        port = 9000
        schemas = "/srv/guichet/schemas"
        public_url = "https://window.example/"
        database = "sqlite:////var/lib/guichet/ledger.db"
        [limits]
        max_bytes = 1000
        [outbox]
        in_flight = 2
        [agencies.FSA]
        url = "https://fsa.example/in"
        token_env = "FSA_TOKEN"
        """,
    )
    settings = load(file, {})
    assert settings.port == 9000
    assert settings.base_url == "https://window.example"
    assert settings.database_path == Path("/var/lib/guichet/ledger.db")
    assert settings.schemas == Path("/srv/guichet/schemas")
    assert settings.limits.max_bytes == 1000
    assert settings.outbox.in_flight == 2
    assert settings.agencies["FSA"].url == "https://fsa.example/in"


def test_the_environment_stands_above_the_file(tmp_path):
    file = write(tmp_path, 'port = 9000\n[limits]\nmax_bytes = 1000\nmax_depth = 9\n[agencies.FSA]\nurl = "http://a"')
    settings = load(
        file,
        {
            "GUICHET_PORT": "9001",
            "GUICHET_LIMITS__MAX_BYTES": "2000",
            "GUICHET_AGENCIES__FSA__URL": "http://b",
            "GUICHET_AGENCIES__TEX__FOLDER": "/drop/tex",
            "GUICHET_CORPUS": "not a setting",
            "PORT": "1",
        },
    )
    assert settings.port == 9001
    assert (settings.limits.max_bytes, settings.limits.max_depth) == (2000, 9)
    assert settings.agencies["FSA"].url == "http://b"
    assert settings.agencies["TEX"].folder == Path("/drop/tex")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('databse = "x"', r"unknown setting 'databse'; did you mean 'database'\?"),
        ("[limits]\nmax_byte = 1", r"unknown setting 'limits.max_byte'; did you mean 'max_bytes'\?"),
        ('[agencies.FSA]\nurll = "x"', r"unknown setting 'agencies.FSA.urll'; did you mean 'url'\?"),
        ("zzz = 1", r"unknown setting 'zzz'; there are: host, port"),
        ('port = "many"', r"int"),
        ("port = 70000", r"port must be"),
        ('country = "xz"', r"two capital letters"),
        ('database = "postgres://x"', r"sqlite"),
        ("[outbox]\nsend = 20\nlease = 30", r"twice"),
        ("[outbox]\nin_flight = 0", r"in_flight"),
        ("workers = 0", r"workers must be from 1 to 64"),
        ("workers = 3\n[outbox]\nin_flight = 2", r"workers must not be more than outbox.in_flight"),
        ("[retry]\nfirst = 0", r"first must be above 0"),
        ("port = ", r"guichet.toml"),
        ("limits = 5", r"limits"),
        ("schemas = 5", r"path as text - at `\$.schemas`"),
    ],
)
def test_a_fault_is_named_with_the_file(tmp_path, text, told):
    with pytest.raises(SettingsError, match=told) as caught:
        load(write(tmp_path, text), {})
    assert "guichet.toml" in str(caught.value)


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({"GUICHET_PROT": "1"}, r"environment: unknown setting 'prot'; did you mean 'port'\?"),
        ({"GUICHET_LIMITS": "1"}, "GUICHET_LIMITS: '1' will not do"),
        ({"GUICHET_LIMITS": "1", "GUICHET_LIMITS__MAX_BYTES": "1"}, "limits is a single value"),
        ({"GUICHET_PORT": "x"}, "GUICHET_PORT: 'x' will not do: expected `int`"),
        ({"GUICHET_LIMITS__MAX_BYTES": "much"}, "GUICHET_LIMITS__MAX_BYTES: 'much' will not do"),
        ({"GUICHET_FSA_TOKEN": "x"}, "unknown setting 'fsa_token'"),
    ],
)
def test_a_fault_in_the_environment_is_named(environ, told):
    with pytest.raises(SettingsError, match=told):
        load(None, environ)


def test_a_missing_file_is_a_fault_of_settings(tmp_path):
    with pytest.raises(SettingsError, match="nowhere.toml"):
        load(tmp_path / "nowhere.toml", {})


def test_a_token_comes_from_its_variable_and_shows_nowhere(tmp_path):
    file = write(tmp_path, '[agencies.FSA]\ntoken = "s3cret"\n[agencies.MED]\ntoken_env = "MED_TOKEN"')
    settings = load(file, {})
    assert settings.agencies["FSA"].secret({}) == "s3cret"
    assert settings.agencies["MED"].secret({"MED_TOKEN": "other"}) == "other"
    with pytest.raises(SettingsError, match="MED_TOKEN"):
        settings.agencies["MED"].secret({})
    assert "s3cret" not in repr(settings)


def test_a_token_may_stand_in_a_variable_that_looks_like_a_setting(tmp_path):
    file = write(tmp_path, '[agencies.MED]\ntoken_env = "GUICHET_MED_TOKEN"')
    environ = {
        "GUICHET_MED_TOKEN": "one",
        "GUICHET_AGENCIES__FSA__TOKEN_ENV": "GUICHET_FSA_TOKEN",
        "GUICHET_FSA_TOKEN": "two",
    }
    settings = load(file, environ)
    assert settings.agencies["MED"].secret(environ) == "one"
    assert settings.agencies["FSA"].secret(environ) == "two"


def test_an_address_of_ip_version_6_gets_its_brackets():
    assert load(None, {"GUICHET_HOST": "::1"}).base_url == "http://[::1]:8080"


def test_limits_of_requests_are_set_by_role():
    rates = load(None, {"GUICHET_RATES__TRADER__PER_SECOND": "5", "GUICHET_RATES__FORWARDED": "true"}).rates
    assert (rates.by_role["trader"].per_second, rates.by_role["agency"].per_second, rates.forwarded) == (5.0, 0.0, True)
    with pytest.raises(SettingsError, match="burst must be at least 1"):
        load(None, {"GUICHET_RATES__UNKNOWN_KEYS__BURST": "0"})


def test_numbers_are_given_unless_they_are_turned_off():
    assert load(None, {}).metrics is True
    assert load(None, {"GUICHET_METRICS": "false"}).metrics is False
