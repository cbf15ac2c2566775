import sys

from anthropic import Anthropic

client = Anthropic(base_url=sys.argv[1], api_key="x", max_retries=0)
schema = {"type": "object", "properties": {"path": {"type": "string"}, "command": {"type": "string"}}}
tools = [{"name": name, "description": "d", "input_schema": schema} for name in ("read", "run")]
expected = [("read", {"path": "a ü.txt"}), ("run", {"command": "ls -l"})]
messages = [{"role": "user", "content": "Go."}]

with client.messages.stream(model="m", max_tokens=500, messages=messages, tools=tools) as stream:
    text = "".join(stream.text_stream)
    message = stream.get_final_message()
assert text == "Reading.", text
assert message.stop_reason == "tool_use"
assert [block.type for block in message.content] == ["thinking", "text", "tool_use", "tool_use"]
assert message.content[0].thinking == "A thought." and message.content[0].signature
calls = [block for block in message.content if block.type == "tool_use"]
assert [(call.name, call.input) for call in calls] == expected
usage = message.usage
assert (usage.input_tokens, usage.cache_read_input_tokens, usage.output_tokens) == (40, 60, 25), usage

messages.append({"role": "assistant", "content": [block.model_dump(exclude_none=True) for block in message.content]})
results = [{"type": "tool_result", "tool_use_id": call.id, "content": "ok"} for call in calls]
messages.append({"role": "user", "content": results})
assert client.messages.create(model="m", max_tokens=500, messages=messages, tools=tools).content[0].text == "Done."
assert client.messages.count_tokens(model="m", messages=messages).input_tokens > 10
print("all good")
