"""Compiles `datamodel/native` where there is a C compiler. Where there is none, Python does the same work, slower.

Rule: a build never fails for want of a compiler, and never leaves code behind that was compiled from other sources.
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDER = Path("datamodel/native")
DIRECTIVES = {"language_level": 3, "boundscheck": False, "wraparound": False, "initializedcheck": False}


class NativeCode(BuildHookInterface):  # type: ignore[type-arg]
    """Runs before a wheel is packed, an editable one too."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Put the compiled modules beside their sources, and into the wheel."""
        for old in (Path(self.root) / FOLDER).glob("*.so"):
            old.unlink()
        try:
            compile_all(Path(self.root))
        except Exception as error:  # whatever a missing or broken tool chain raises
            self.app.display_warning(f"datamodel/native is not compiled, reading will be slower: {error}")
            return
        build_data["artifacts"].append(f"/{FOLDER}/*.so")
        build_data["pure_python"], build_data["infer_tag"] = False, True


def compile_all(root: Path) -> None:
    """Every `.pyx` against the headers that lxml brings. Raises what the tools raise."""
    import lxml
    from Cython.Build import cythonize
    from setuptools import Distribution, Extension

    with TemporaryDirectory() as work:
        extensions = [
            Extension(
                ".".join((*FOLDER.parts, source.stem)), [str(source.relative_to(root))], include_dirs=lxml.get_include()
            )
            for source in sorted((root / FOLDER).glob("*.pyx"))
        ]
        modules = cythonize(extensions, compiler_directives=DIRECTIVES, build_dir=work, include_path=[str(root)])
        command = Distribution({"ext_modules": modules}).get_command_obj("build_ext")
        command.build_lib, command.build_temp = str(root), work  # type: ignore[attr-defined]
        command.ensure_finalized()
        command.run()
