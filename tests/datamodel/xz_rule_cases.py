"""For each rule of XZ a sample, what makes it meet the rule, and what then makes it break the rule.

Paths begin below Declaration; a value of GONE takes the element away. `good` is empty where the sample itself is
subject to the rule and meets it.
"""

from typing import Any, NamedTuple

GONE = object()

BEEF = "import-chilled-beef-argentina"
FLOWERS = "import-cut-flowers-kenya"
HOTEL = "import-hotel-supplies"
PARTS = "import-machine-parts-germany"
RELIEF = "import-relief-goods"
SHIRTS = "export-cotton-shirts-united-states"
MARKET = "import-supermarket-thirty-items"
WOOD = "export-wooden-furniture-norway"
BOOKS = "low-value/two-books"
EPHEDRINE = "import-ephedrine-india"

ITEM = "GoodsShipment/GovernmentAgencyGoodsItem/0"
MEASURE = f"{ITEM}/Commodity/GoodsMeasure"
SHIPMENT = "GoodsShipment"
CONTAINER = f"{SHIPMENT}/Consignment/TransportEquipment"
USD = {"@currencyID": "USD"}
XZD = {"@currencyID": "XZD"}
KGM = {"@unitCode": "KGM"}


def at(day: str, code: str = "102") -> dict[str, Any]:
    return {"DateTimeString": {"@formatCode": code, "value": day}}


class Case(NamedTuple):
    rule: str
    sample: str
    good: dict[str, Any]
    bad: dict[str, Any]


CASES = [
    Case("XZ-TOT01", HOTEL, {}, {"GoodsItemQuantity": 12}),
    Case("XZ-TOT02", HOTEL, {}, {"TotalGrossMassMeasure": {**KGM, "value": 2813}}),
    Case("XZ-TOT03", HOTEL, {}, {"TotalPackageQuantity": 186}),
    Case("XZ-TOT04", BEEF, {}, {"InvoiceAmount": {**USD, "value": 136500.02}}),
    Case("XZ-TOT05", BEEF, {}, {"TotalPackageQuantity": GONE}),
    Case("XZ-MAS01", BEEF, {}, {f"{MEASURE}/NetNetWeightMeasure/value": 14320.001}),
    Case("XZ-MAS02", BEEF, {}, {f"{MEASURE}/GrossMassMeasure/@unitCode": "TNE"}),
    Case("XZ-MAS03", BEEF, {}, {f"{MEASURE}/NetNetWeightMeasure/@unitCode": "GRM"}),
    Case("XZ-MAS04", BEEF, {}, {f"{MEASURE}/NetNetWeightMeasure": GONE}),
    Case("XZ-MAS05", BEEF, {}, {"TotalGrossMassMeasure/@unitCode": "TNE"}),
    Case("XZ-MAS06", SHIRTS, {}, {f"{MEASURE}/TariffQuantity": GONE}),
    Case(
        "XZ-MAS07",
        PARTS,
        {
            f"{ITEM}/Commodity/Classification/0/ID": "22042100",
            f"{MEASURE}/TariffQuantity": {"@unitCode": "LTR", "value": 9},
        },
        {f"{MEASURE}/TariffQuantity/@unitCode": "KGM"},
    ),
    Case("XZ-MAS08", SHIRTS, {}, {f"{MEASURE}/TariffQuantity/value": 4060.5}),
    Case(
        "XZ-MAS09",
        BEEF,
        {f"{ITEM}/AdditionalDocument/0/WriteOff": {"QuantityQuantity": {**KGM, "value": 13650}}},
        {f"{ITEM}/AdditionalDocument/0/WriteOff/QuantityQuantity/value": 13650.001},
    ),
    Case("XZ-VAL01", BEEF, {}, {"InvoiceAmount": 136500}),
    Case("XZ-VAL02", BEEF, {}, {f"{ITEM}/Commodity/InvoiceLine/ItemChargeAmount/@currencyID": "EUR"}),
    Case("XZ-VAL03", BEEF, {}, {"CurrencyExchange": GONE}),
    Case("XZ-VAL04", BEEF, {}, {"CurrencyExchange/0/RateNumeric": 0}),
    Case("XZ-VAL05", BEEF, {}, {f"{ITEM}/CustomsValueAmount/@currencyID": "USD"}),
    Case("XZ-VAL06", BEEF, {}, {f"{ITEM}/StatisticalValueAmount/@currencyID": "USD"}),
    Case("XZ-VAL07", BEEF, {}, {f"{ITEM}/CustomsValueAmount": GONE}),
    Case("XZ-VAL08", BEEF, {}, {f"{ITEM}/CustomsValuation/MethodCode": "7"}),
    Case("XZ-VAL09", BEEF, {}, {f"{SHIPMENT}/CustomsValuation": GONE}),
    Case("XZ-VAL10", BEEF, {}, {f"{ITEM}/Commodity/InvoiceLine/ItemChargeAmount/value": 0}),
    Case("XZ-VAL11", BEEF, {}, {f"{ITEM}/StatisticalValueAmount/value": 52668.6}),
    Case("XZ-VAL12", BEEF, {}, {"InvoiceAmount/value": 136.501}),
    Case("XZ-PTY01", BEEF, {}, {"Declarant/ID": "XZ100200300431"}),
    Case("XZ-PTY02", BEEF, {}, {f"{SHIPMENT}/Importer/ID": "XZ640099112243"}),
    Case("XZ-PTY03", SHIRTS, {}, {"Exporter/ID": "XZ61004500452"}),
    Case("XZ-PTY04", BEEF, {}, {"Agent/ID": GONE}),
    Case("XZ-PTY05", BEEF, {}, {"AuthorisationHolder/0/ID": "DE136695976"}),
    Case("XZ-PTY06", BEEF, {}, {f"{SHIPMENT}/Importer": {"Name": "Nobody in particular"}}),
    Case("XZ-PTY07", SHIRTS, {}, {"Exporter/ID": "DE136695976"}),
    Case("XZ-PTY08", BEEF, {}, {"Declarant/ID": "XZ910011002248"}),
    Case(
        "XZ-PTY09",
        MARKET,
        {f"{SHIPMENT}/Seller/ID": "NL4495445B01"},
        {f"{SHIPMENT}/Seller/ID": "NL4495446B01"},
    ),
    Case("XZ-PTY10", BEEF, {}, {"Declarant/Communication/ID": "desk at harbourbridge.example"}),
    Case("XZ-TRA01", BEEF, {}, {f"{CONTAINER}/0/ID": "GUXU9031187"}),
    Case("XZ-TRA02", BEEF, {}, {CONTAINER: GONE}),
    Case(
        "XZ-TRA03",
        BEEF,
        {f"{SHIPMENT}/Consignment/ContainerCode": "0", CONTAINER: GONE},
        {CONTAINER: [{"SequenceNumeric": 1, "ID": "GUXU9031186"}]},
    ),
    Case("XZ-TRA04", BEEF, {}, {f"{ITEM}/Commodity/TransportEquipment/0/ID": "GUXU2206615"}),
    Case("XZ-TRA05", BEEF, {}, {f"{CONTAINER}/0/Seal/1/ID": "AR-77120"}),
    Case("XZ-TRA06", BEEF, {}, {f"{CONTAINER}/0/SequenceNumeric": 2}),
    Case("XZ-TRA07", BEEF, {}, {f"{SHIPMENT}/Consignment/ArrivalTransportMeans/ID": "1990017"}),
    Case(
        "XZ-TRA08",
        WOOD,
        {
            f"{SHIPMENT}/Consignment/DepartureTransportMeans/IdentificationTypeCode": "11",
            f"{SHIPMENT}/Consignment/DepartureTransportMeans/ModeCode": "1",
        },
        {f"{SHIPMENT}/Consignment/DepartureTransportMeans/ModeCode": "3"},
    ),
    Case("XZ-TRA09", BEEF, {}, {"BorderTransportMeans/RegistrationNationalityCode": GONE}),
    Case("XZ-TRA10", BEEF, {}, {"Consignment/Itinerary/2/RoutingCountryCode": "UY"}),
    Case("XZ-TRA11", SHIRTS, {}, {"Consignment/Itinerary/0/RoutingCountryCode": "NO"}),
    Case("XZ-TRA12", BEEF, {}, {f"{SHIPMENT}/Consignment/LoadingLocation/ID": "XZALM"}),
    Case("XZ-LOW01", BOOKS, {}, {f"{ITEM}/Commodity/InvoiceLine/ItemChargeAmount/value": 140.51}),
    Case("XZ-LOW02", BOOKS, {}, {f"{ITEM}/GovernmentProcedure/0/CurrentCode": "000"}),
    Case("XZ-LOW03", BOOKS, {}, {f"{ITEM}/Commodity/Classification/0/ID": "330300"}),
    Case("XZ-LOW04", WOOD, {}, {f"{ITEM}/GovernmentProcedure/1/CurrentCode": "C07"}),
    Case("XZ-GDS01", HOTEL, {}, {"GoodsShipment/GovernmentAgencyGoodsItem/4/SequenceNumeric": 4}),
    Case("XZ-GDS02", BEEF, {}, {f"{ITEM}/Commodity/Classification/1/IdentificationTypeCode": "TSP"}),
    Case("XZ-GDS03", BEEF, {}, {f"{ITEM}/Commodity/Classification/0/ID": "0201300"}),
    Case("XZ-GDS04", BEEF, {}, {f"{ITEM}/Commodity/Description": "General Cargo."}),
    Case("XZ-GDS05", BEEF, {}, {f"{ITEM}/Origin/0/TypeCode": "2"}),
    Case("XZ-GDS06", BEEF, {}, {f"{ITEM}/Packaging/0/SequenceNumeric": 2}),
    Case("XZ-GDS07", BEEF, {}, {f"{ITEM}/Packaging/0/MarksNumbersID": GONE}),
    Case("XZ-GDS08", BEEF, {}, {f"{ITEM}/GovernmentProcedure/1/PreviousCode": "00"}),
    Case("XZ-GDS09", BEEF, {}, {f"{ITEM}/GovernmentProcedure/0/CurrentCode": "10"}),
    Case("XZ-GDS10", SHIRTS, {}, {f"{ITEM}/GovernmentProcedure/0/CurrentCode": "40"}),
    Case(
        "XZ-GDS11",
        SHIRTS,
        {f"{ITEM}/GovernmentProcedure/0": {"CurrentCode": "31", "PreviousCode": "51"}},
        {f"{ITEM}/GovernmentProcedure/0/PreviousCode": "00"},
    ),
    Case(
        "XZ-GDS12",
        BEEF,
        {f"{ITEM}/GovernmentProcedure/0": {"CurrentCode": "61", "PreviousCode": "23"}},
        {f"{ITEM}/GovernmentProcedure/0/PreviousCode": "00"},
    ),
    Case(
        "XZ-GDS13",
        BEEF,
        {f"{ITEM}/GovernmentProcedure/0/CurrentCode": "51", "AuthorisationHolder/0/CategoryCode": "IPO"},
        {"AuthorisationHolder/0/CategoryCode": "DPO"},
    ),
    Case(
        "XZ-GDS14",
        BEEF,
        {f"{ITEM}/GovernmentProcedure/0/CurrentCode": "71", f"{SHIPMENT}/Warehouse": {"ID": "XZW001", "TypeCode": "R"}},
        {f"{SHIPMENT}/Warehouse/TypeCode": GONE},
    ),
    Case("XZ-GDS15", BEEF, {}, {f"{SHIPMENT}/ExportCountry/ID": "XZ"}),
    Case("XZ-GDS16", SHIRTS, {}, {f"{SHIPMENT}/Destination/CountryCode": "XZ"}),
    Case(
        "XZ-GDS17",
        BEEF,
        {f"{ITEM}/Commodity/DangerousGoods": [{"UNDGID": "1987"}]},
        {f"{ITEM}/Commodity/DangerousGoods/0/UNDGID": "198"},
    ),
    Case("XZ-GDS18", BEEF, {}, {f"{SHIPMENT}/TradeTerms/LocationName": GONE}),
    Case("XZ-DOC01", BEEF, {}, {f"{ITEM}/AdditionalDocument/1/ID": GONE}),
    Case(
        "XZ-DOC02",
        BEEF,
        {
            f"{ITEM}/Origin": [{"CountryCode": "AR", "TypeCode": "1"}, {"CountryCode": "AR", "TypeCode": "2"}],
            f"{ITEM}/AdditionalDocument/1/TypeCode": "861",
        },
        {f"{ITEM}/AdditionalDocument/1/TypeCode": "935"},
    ),
    Case("XZ-DOC03", RELIEF, {}, {"AdditionalInformation": GONE}),
    Case("XZ-DOC04", BEEF, {}, {f"{ITEM}/PreviousDocument": GONE}),
    Case("XZ-DOC05", SHIRTS, {}, {f"{SHIPMENT}/PreviousDocument/0/ID": "6XZ100777000110-SH8813"}),
    Case(
        "XZ-DOC06",
        BEEF,
        {
            f"{ITEM}/Commodity/DutyTaxFee/0/Payment/MethodCode": "R",
            "ObligationGuarantee": [{"ReferenceID": "XZG-1", "SecurityDetailsCode": "1"}],
        },
        {"ObligationGuarantee": GONE},
    ),
    Case("XZ-DOC07", BEEF, {f"{SHIPMENT}/Invoice": GONE}, {f"{ITEM}/AdditionalDocument/1/TypeCode": "271"}),
    Case("XZ-DAT01", BEEF, {}, {"IssueDateTime/DateTimeString/value": "20261032143000Z"}),
    Case("XZ-DAT02", BEEF, {}, {f"{SHIPMENT}/Invoice/IssueDateTime": at("20261009")}),
    Case("XZ-DAT03", BEEF, {}, {f"{ITEM}/AdditionalDocument/0/EffectiveDateTime": at("20261009")}),
    Case(
        "XZ-DAT04",
        SHIRTS,
        {f"{SHIPMENT}/ExitDateTime": at("20261027")},
        {f"{SHIPMENT}/ExitDateTime": at("20261026235959Z", "304")},
    ),
    Case("XZ-DAT05", BEEF, {}, {"IssueDateTime/DateTimeString/@formatCode": "102"}),
]
