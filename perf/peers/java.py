"""JAXB and Jackson from Debian's packages: what to install, how the peer is compiled, how it is started.

The classes are made by xjc from the schema that we print, anew each time, since that takes seconds.
"""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

JARS = Path("/usr/share/java")
RUNTIME = (
    *("jaxb-runtime", "jaxb-core", "jaxb-api", "istack-commons-runtime", "txw2", "stax-ex", "FastInfoset"),
    *("javax.activation", "jackson-core", "jackson-databind", "jackson-annotations"),
)
COMPILER = (
    *("jaxb-xjc", "codemodel", "rngom", "relaxngDatatype", "istack-commons-tools"),
    *("dtd-parser", "args4j", "xml-resolver"),
)
PACKAGES = "default-jdk-headless libjaxb-java libjackson2-databind-java"
ROOT_CLASS = "wco.datamodel.wco.documentmetadata_dms._2.MetaData"


def missing() -> str | None:
    """What a reader has to install, or None."""
    programs = [name for name in ("java", "javac") if shutil.which(name) is None]
    jars = [f"{name}.jar" for name in (*RUNTIME, *COMPILER) if not (JARS / f"{name}.jar").exists()]
    if not programs and not jars:
        return None
    return f"there is no {', '.join(programs + jars)}; apt-get install {PACKAGES}"


def build(work: Path, source: Path, run: Callable[[Sequence[str], Path], None]) -> None:
    """Make the classes of the schema and compile them with the peer. `run` runs a command in a folder."""
    sources, classes = work / "jaxb" / "sources", work / "jaxb" / "classes"
    for folder in (sources, classes):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    generate = ["java", "-cp", _path(COMPILER + RUNTIME), "com.sun.tools.xjc.XJCFacade", "-quiet", "-no-header"]
    run([*generate, "-d", str(sources), "xsd/DEC.xsd"], work)
    compile_all = ["javac", "-nowarn", "-cp", _path(RUNTIME), "-d", str(classes), str(source)]
    run([*compile_all, *map(str, sorted(sources.rglob("*.java")))], work)


def start(work: Path) -> list[str]:
    """The command of the peer."""
    classes = f"{work / 'jaxb' / 'classes'}:{_path(RUNTIME)}"
    return ["java", "-Xms512m", "-cp", classes, "Peer", str(work), ROOT_CLASS]


def _path(names: tuple[str, ...]) -> str:
    return ":".join(str(JARS / f"{name}.jar") for name in names)
