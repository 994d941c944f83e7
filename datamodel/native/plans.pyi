from datamodel.model import Model
from datamodel.structs import StructBuilder

class Plan:
    def __init__(self, model: Model, structs: StructBuilder) -> None: ...
