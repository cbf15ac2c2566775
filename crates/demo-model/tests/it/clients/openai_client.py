import json
import sys

from openai import NotFoundError, OpenAI

client = OpenAI(base_url=sys.argv[1] + "/v1", api_key="x", max_retries=0)
parameters = {"type": "object", "properties": {"path": {"type": "string"}, "command": {"type": "string"}}}
tools = [
    {"type": "function", "function": {"name": name, "description": "d", "parameters": parameters}}
    for name in ("read", "run")
]
expected = [("read", {"path": "a ü.txt"}), ("run", {"command": "ls -l"})]
messages = [{"role": "user", "content": "Go."}]

text, calls, usage, finish = "", {}, None, None
stream = client.chat.completions.create(
    model="m", messages=messages, tools=tools, stream=True, stream_options={"include_usage": True}
)
for chunk in stream:
    if chunk.usage:
        usage = chunk.usage
    for choice in chunk.choices:
        text += choice.delta.content or ""
        finish = choice.finish_reason or finish
        for call in choice.delta.tool_calls or []:
            known = calls.setdefault(call.index, {"id": call.id, "name": call.function.name, "arguments": ""})
            known["arguments"] += call.function.arguments or ""
assert text == "Reading.", text
assert finish == "tool_calls"
assert [(call["name"], json.loads(call["arguments"])) for call in calls.values()] == expected
assert (usage.prompt_tokens, usage.completion_tokens) == (100, 25)
assert usage.prompt_tokens_details.cached_tokens == 60
assert usage.completion_tokens_details.reasoning_tokens == 5

whole = client.chat.completions.create(model="m", messages=messages, tools=tools)
message = whole.choices[0].message
assert [(call.function.name, json.loads(call.function.arguments)) for call in message.tool_calls] == expected
messages.append(message.model_dump(exclude_none=True))
messages += [{"role": "tool", "tool_call_id": call.id, "content": "ok"} for call in message.tool_calls]
assert client.chat.completions.create(model="m", messages=messages, tools=tools).choices[0].message.content == "Done."

flat = [{"type": "function", "name": name, "description": "d", "parameters": parameters} for name in ("read", "run")]
with client.responses.stream(model="m", input="Go.", tools=flat) as stream:
    kinds = [event.type for event in stream]
    response = stream.get_final_response()
assert "response.output_text.delta" in kinds and "response.function_call_arguments.delta" in kinds
assert response.output_text == "Reading.", response
found = [item for item in response.output if item.type == "function_call"]
assert [(call.name, json.loads(call.arguments)) for call in found] == expected
assert (response.usage.input_tokens, response.usage.input_tokens_details.cached_tokens) == (100, 60)
followed = [{"role": "user", "content": "Go."}]
followed += [item.model_dump(exclude_none=True) for item in response.output]
followed += [{"type": "function_call_output", "call_id": call.call_id, "output": "ok"} for call in found]
assert client.responses.create(model="m", input=followed, tools=flat).output_text == "Done."
print("all good")
