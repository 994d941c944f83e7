"""What a gateway has done before it takes its first message."""

from gateway import bootstrap


async def test_the_first_message_does_not_pay_for_what_is_made_once(built):
    keys = ["wco-dms/3.6/DEC", "wco-dms/3.6/RES", "guichet/1/PermitRequest", "guichet/1/Decision"]
    keys += [key for key, message in built.registry.messages.items() if message.model.facts.base == keys[0]]
    async with bootstrap.running(built) as gateway:
        for key in keys:
            made = vars(gateway.registry.message(key))
            assert {"schema", "xml_reader", "xml_writer", "json_decoder"} <= set(made), key
