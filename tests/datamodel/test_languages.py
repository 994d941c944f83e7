"""The language of a context, wherever the work is done; words of an administration; what stands in the words."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from datamodel import bundles
from datamodel.codecs import read
from datamodel.facets import describe
from datamodel.issues import Issue, Refused
from datamodel.model import XSI, SimpleType
from datamodel.names import OWN_THREAD
from datamodel.registry import Registry
from datamodel.schema_faults import words
from datamodel.wording import PHRASES, BadWords, Wording, catalogue, issue, phrase, speaking
from gateway import bootstrap
from gateway.offload import PROCESS, THREAD, offload
from gateway.service import Gateway
from gateway.settings import Settings

LANGUAGES = ("en", "es", "fr")


BAD = b'<MetaData xmlns="urn:wco:datamodel:WCO:DocumentMetaData-DMS:2"><Bogus/></MetaData>'


def first_issue(registry: Registry, body: bytes, form: Any = "xml", **options: Any) -> Issue:
    with pytest.raises(Refused) as caught:
        read(registry, body, form, **options)
    return caught.value.report.issues[0]


def test_english_is_spoken_where_nobody_chose(registry: Registry) -> None:
    assert first_issue(registry, b"").text == "The message has no content."
    with speaking(catalogue()["es"]):
        assert first_issue(registry, b"").text == "El mensaje no tiene contenido."
    assert first_issue(registry, b"").text == "The message has no content."


def test_a_big_body_is_explained_in_the_same_language(registry: Registry) -> None:
    """It is read in a thread of its own, which takes no context along by itself."""
    body = BAD.replace(b"<Bogus/>", b"<Bogus/>" + b" " * OWN_THREAD)
    with speaking(catalogue()["fr"]):
        assert first_issue(registry, body).text.startswith("Aucun type de message")


def read_xml(gateway: Gateway, body: bytes) -> None:
    read(gateway.registry, body, "xml")


async def test_languages_do_not_mix_among_requests(tmp_path: Path) -> None:
    built = bootstrap.build(Settings(database=f"sqlite:///{tmp_path / 'guichet.db'}"), adapters={})
    built.workshop.open(built)
    bodies = [BAD.replace(b"<Bogus/>", b"<Bogus/>" + b" " * size) for size in (0, THREAD, PROCESS)]
    starts = {"en": "No message type", "fr": "Aucun type", "es": "Ningún tipo"}

    async def request(language: str, body: bytes) -> None:
        with speaking(catalogue()[language]):
            for _ in range(5):
                await asyncio.sleep(0)
                with pytest.raises(Refused) as caught:
                    await offload(built, len(body), read_xml, body)
                assert caught.value.report.issues[0].text.startswith(starts[language])
                inside = await asyncio.to_thread(phrase, "cli.expected")
                assert inside == catalogue()[language].phrases["cli.expected"]

    await asyncio.gather(*(request(language, body) for language in starts for body in bodies))
    await built.workshop.close()


TEXT = SimpleType(name="T", primitive="string", max_length=9)


def write(schemas: Path, name: str, *lines: str) -> None:
    file = schemas / "errors" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_an_administration_adds_a_language(tmp_path: Path) -> None:
    write(tmp_path, "pt.tsv", "rule\ttext\tremedy", "element.missing\tFalta {name}.\tAcrescente-o: {expected}.")
    write(tmp_path, "phrases/pt.tsv", "key\ttext", "type.text\tum texto", "length.most\t{what}, no máximo {count}")
    known = catalogue(tmp_path)
    assert tuple(known) == ("en", "es", "fr", "pt")
    assert "pt" not in catalogue()
    with speaking(known["pt"]):
        told = issue("element.missing", name="ID", expected=describe(TEXT))
        assert (told.text, told.remedy) == ("Falta ID.", "Acrescente-o: um texto, no máximo 9.")
        assert issue("body.empty").text == "The message has no content.", "what a language lacks is said in English"


def test_an_administration_words_ours_better(tmp_path: Path) -> None:
    write(tmp_path, "fr.tsv", "rule\ttext\tremedy", "body.empty\tIl n’y a rien.\t")
    severity, text, remedy = catalogue(tmp_path)["fr"].rules["body.empty"]
    assert (severity, text) == ("error", "Il n’y a rien.")
    assert remedy == catalogue()["fr"].rules["body.empty"][2]
    assert catalogue(tmp_path)["es"] == catalogue()["es"]


def test_a_schemas_folder_without_words_has_ours(tmp_path: Path) -> None:
    assert catalogue(tmp_path) == catalogue()


@pytest.mark.parametrize(
    ("name", "line", "told"),
    [
        ("pt.tsv", "element.mising\tFalta {name}.\tx.", "pt.tsv:2: nothing is called 'element.mising'"),
        ("pt.tsv", "element.missing\tFalta {nome}.\tx.", "pt.tsv:2: element.missing: nothing fills nome"),
        ("pt.tsv", "element.missing\tFalta {name.\tx.", "pt.tsv:2: element.missing: expected '}'"),
        ("pt.tsv", "element.missing\tFalta {name.x}.\tx.", "pt.tsv:2: element.missing: nothing fills name.x"),
        ("phrases/pt.tsv", "type.txt\tum texto", "phrases/pt.tsv:2: nothing is called 'type.txt'"),
        ("phrases/pt.tsv", "place.most\tno máximo {numero}", "phrases/pt.tsv:2: place.most: nothing fills numero"),
    ],
)
def test_words_that_would_fail_are_refused_with_their_line(tmp_path: Path, name: str, line: str, told: str) -> None:
    write(tmp_path, name, "key\ttext" if PHRASES in name else "rule\ttext\tremedy", line)
    with pytest.raises(BadWords, match=re.escape(told)):
        catalogue(tmp_path)


def test_a_wording_is_one_language_whole() -> None:
    assert all(isinstance(each, Wording) and each.language == name for name, each in catalogue().items())


@pytest.mark.parametrize(
    ("body", "english", "french"),
    [
        ("<a>", "the document ends before the element a, begun in line 1, is closed", "le document s’arrête"),
        ("<a>\n<b></c></a>", "the end tag c does not close the element b, begun in line 2", "la balise fermante c"),
        ("<a>&xxe;</a>", "the entity xxe is not defined", "l’entité xxe n’est pas définie"),
        ("<a x='1' x='2'/>", "the attribute x stands twice", "l’attribut x figure deux fois"),
        ("<p:a/>", "the prefix p has no namespace", "le préfixe p n’a pas d’espace de noms"),
        ("<a p:x='1'/>", "the prefix p has no namespace", "le préfixe p n’a pas d’espace de noms"),
        ("<a>\x01</a>", "a character that XML does not allow", "un caractère que XML n’admet pas"),
        ("<a", "a tag is not closed with >", "une balise n’est pas fermée par >"),
        ("<a x=1/>", "the value of an attribute is not in quotes", "la valeur d’un attribut n’est pas entre"),
        ("<a x/>", "the attribute x has no value", "l’attribut x n’a pas de valeur"),
        ("<a x='<'/>", "the value of an attribute holds a bare <", "la valeur d’un attribut contient un < nu"),
        ("a", "the document does not begin with an element", "le document ne commence pas par un élément"),
        ("<a/><b/>", "something follows the root element", "quelque chose suit l’élément racine"),
        ("<a>&</a>", "an ampersand begins no entity", "une esperluette ne commence aucune entité"),
        ("<a>&amp</a>", "an entity does not end in a semicolon", "une entité ne se termine pas"),
        ("<a><!-- ", "a comment is not closed", "un commentaire n’est pas fermé"),
        ("<a><1/></a>", "there is no name where one is expected", "il manque un nom"),
        (" <?xml version='1.0'?><a/>", "an XML declaration stands elsewhere", "une déclaration XML figure ailleurs"),
        ("<a:b:c xmlns:a='u'/>", "a name has more than one colon", "un nom a plusieurs deux-points"),
        ("<" + "n" * 60_000 + "/>", "a name or a text is longer than is taken", "un nom ou un texte est plus long"),
    ],
)
def test_malformed_xml_is_explained(registry: Registry, body: str, english: str, french: str) -> None:
    assert english in first_issue(registry, body.encode()).text
    with speaking(catalogue()["fr"]):
        found = first_issue(registry, body.encode())
    assert (found.rule, french in found.text) == ("xml.malformed", True), found.text


def test_names_in_a_malformed_document_are_cut(registry: Registry) -> None:
    assert len(first_issue(registry, f"<a><{'b' * 9_000}></c></a>".encode()).text) < 300


@pytest.mark.parametrize("language", LANGUAGES)
def test_personal_values_stand_in_no_text(registry: Registry, language: str) -> None:
    secret = "Ignatius Quillfeather\N{SNOWMAN}" * 4
    head = '<m:MetaData xmlns:m="urn:wco:datamodel:WCO:DocumentMetaData-DMS:2" xmlns="urn:wco:datamodel:WCO:DEC-DMS:2">'
    xml = f"{head}<Declaration><FunctionCode>9</FunctionCode><Declarant><Name>{secret}</Name></Declarant>"
    json = f'{{"MetaData":{{"Declaration":{{"FunctionCode":"9","Declarant":{{"Name":"{secret}"}}}}}}}}'
    with speaking(catalogue()[language]):
        for body, form in ((f"{xml}</Declaration></m:MetaData>", "xml"), (json, "json")):
            found = first_issue(registry, body.encode(), form)
            assert (found.rule, found.value) == ("value.length", "(personal)")
            assert "Quillfeather" not in str(found)


@pytest.mark.parametrize(
    "message",
    [
        "Element 'Name': 'it is John's' is not a valid value of the atomic type 'xs:int'.",
        "Element 'Name': [facet 'pattern'] The value 'John' is not accepted by the pattern '[0-9]*'.",
        "Element '{urn:x}Name': The actual value 'John' does not match the fixed value constraint 'x'.",
        "Element 'k': Duplicate key-sequence ['John', 'has'] in unique identity-constraint 'K'.",
        "Element 'a', attribute '{urn:x}type': The QName value 'John' of the xsi:type attribute does not resolve.",
    ],
)
def test_the_words_of_libxml2_lose_their_values(message: str) -> None:
    told = words(message)
    assert "John" not in told
    assert "…" in told and "{" not in told and not told.endswith(".")
    assert told.startswith("Element '")


IDENTITY = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
 <xs:element name="People">
  <xs:complexType><xs:sequence>
   <xs:element name="Person" maxOccurs="unbounded">
    <xs:complexType><xs:attribute name="id"/></xs:complexType>
   </xs:element>
   <xs:element name="Left" type="xs:date" nillable="true" minOccurs="0"/>
  </xs:sequence></xs:complexType>
  <xs:unique name="one"><xs:selector xpath="Person"/><xs:field xpath="@id"/></xs:unique>
 </xs:element>
</xs:schema>"""


def test_what_only_libxml2_knows_is_told_in_our_words(tmp_path: Path) -> None:
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "people.xsd").write_text(IDENTITY)
    (tmp_path / "packages").mkdir()
    bundles.add(tmp_path / "packages", "people", "1", tmp_path / "bundle", ("people.xsd", "People"))
    foreign = Registry.load(tmp_path)
    twice = b'<People><Person id="John"/><Person id="John"/></People>'
    nil = f'<People><Person/><Left xmlns:xsi="{XSI}" xsi:nil="true">2026-01-31</Left></People>'.encode()
    with speaking(catalogue()["fr"]):
        found = first_issue(foreign, twice)
        assert (found.rule, found.text) == (
            "value.identity",
            "Person enfreint une règle d’identité\N{NO-BREAK SPACE}: la clé figure deux fois.",
        )
        assert "il est nul et contient pourtant quelque chose" in first_issue(foreign, nil).text
