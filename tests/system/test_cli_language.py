"""The command line speaks the language of its user: the one that is asked for, else that of the locale."""

import json
import shutil

import pytest

from gateway.settings import SCHEMAS
from tests.system.conftest import SAMPLES

GOOD, INVALID, USAGE = 0, 1, 2
SAMPLE = SAMPLES / "import-cut-flowers-kenya.xml"
BAD = b"<Bogus/>"
STARTS = {"en": "No message type", "fr": "Aucun type de message", "es": "Ningún tipo de mensaje"}
REMEDIES = {"en": "remedy: Check", "fr": "remède\N{NO-BREAK SPACE}: Vérifiez", "es": "remedio: Compruebe"}


def told(guichet, *arguments, stdin=BAD, **environment):
    done = guichet("validate", "-", *arguments, stdin=stdin, **environment)
    assert done.returncode == INVALID, done.stderr
    return done.stdout.decode()


@pytest.mark.parametrize("language", STARTS)
def test_the_language_that_is_asked_for(guichet, language):
    text = told(guichet, "--language", language)
    assert STARTS[language] in text
    assert REMEDIES[language] in text


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({"LANG": "fr_CA.UTF-8"}, "fr"),
        ({"LANG": "en_GB.UTF-8", "LC_MESSAGES": "es_ES@euro"}, "es"),
        ({"LANG": "es_ES.UTF-8", "LC_MESSAGES": "es_ES.UTF-8", "LC_ALL": "fr"}, "fr"),
        ({"LANG": "es_ES.UTF-8", "LC_ALL": ""}, "es"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
    ],
)
def test_the_language_of_the_locale(guichet, environment, language):
    plain = {"LC_ALL": "", "LC_MESSAGES": "", "LANG": "", "PYTHONUTF8": "1"}
    assert STARTS[language] in told(guichet, **{**plain, **environment})


def test_signs_that_a_terminal_has_not_end_nothing(guichet):
    text = guichet("validate", "-", "--language", "fr", stdin=b"", PYTHONIOENCODING="latin-1").stdout.decode("latin-1")
    assert "Le message n?a pas de contenu." in text


def test_the_option_goes_over_the_locale(guichet):
    assert STARTS["es"] in told(guichet, "--language", "es", LC_ALL="fr_FR.UTF-8", PYTHONUTF8="1")


def test_a_language_that_is_not_there_is_wrong_usage(guichet):
    done = guichet("validate", SAMPLE, "--language", "tlh")
    assert done.returncode == USAGE
    assert b"there are: en, es, fr" in done.stderr


def test_convert_explains_in_it_too(guichet):
    done = guichet("convert", "--to", "json", "-", "--language", "es", stdin=BAD)
    assert (done.returncode, done.stdout) == (INVALID, b"")
    assert STARTS["es"] in done.stderr.decode()


def test_a_good_document_and_lines_for_software(guichet):
    assert "válido, wco-dms/3.6/DEC" in guichet("validate", SAMPLE, "--language", "es").stdout.decode()
    (line,) = told(guichet, "--format", "json", "--language", "fr").splitlines()
    assert json.loads(line)["rule"] == "message.unknown"
    assert json.loads(line)["text"].startswith(STARTS["fr"])


@pytest.mark.parametrize(("language", "rest"), [("en", "-: and 400 more"), ("es", "-: y 400 más")])
def test_what_is_not_listed_is_counted(guichet, language, rest):
    items = [{"SequenceNumeric": "one"} for _ in range(500)]
    declaration = {"FunctionCode": "9", "GoodsShipment": {"GovernmentAgencyGoodsItem": items}}
    body = json.dumps({"MetaData": {"Declaration": declaration}}).encode()
    done = guichet("validate", "-", "--language", language, stdin=body)
    assert done.returncode == INVALID
    assert done.stdout.count(b"json.kind") == 100
    assert done.stderr.decode().splitlines()[-1] == rest


def test_an_administration_adds_a_language(guichet, tmp_path):
    schemas = tmp_path / "schemas"
    shutil.copytree(SCHEMAS, schemas)
    (schemas / "errors" / "pt.tsv").write_text("rule\ttext\tremedy\nbody.empty\tA mensagem está vazia.\tEnvie algo.\n")
    text = told(guichet, "--language", "pt", stdin=b"", GUICHET_SCHEMAS=str(schemas))
    assert "A mensagem está vazia." in text
    (schemas / "errors" / "pt.tsv").write_text("rule\ttext\tremedy\nbody.void\tA mensagem está vazia.\tEnvie algo.\n")
    done = guichet("validate", "-", "--language", "pt", stdin=b"", GUICHET_SCHEMAS=str(schemas))
    assert done.returncode == USAGE
    assert b"pt.tsv:2: nothing is called 'body.void'" in done.stderr
