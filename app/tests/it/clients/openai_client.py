import json
import sys

from openai import APIStatusError, AuthenticationError, BadRequestError, NotFoundError, OpenAI

url, key, broke, model, behind = sys.argv[1:6]
client = OpenAI(base_url=url + "/llm/openai/v1", api_key=key)
parameters = {"type": "object", "properties": {"path": {"type": "string"}, "command": {"type": "string"}}}
tools = [
    {"type": "function", "function": {"name": name, "description": "d", "parameters": parameters}}
    for name in ("read", "run")
]
expected = [("read", {"path": "a ü.txt"}), ("run", {"command": "ls -l"})]
messages = [{"role": "user", "content": "Go."}]

assert model in [entry.id for entry in client.models.list()], "the model is listed"
assert client.models.retrieve(model).id == model
try:
    client.models.retrieve("server/no-such-model")
    raise AssertionError("there is no such model")
except NotFoundError as error:
    assert error.code == "model_not_found", error

# Without a word about usage, as in every example: each chunk has a choice.
text = ""
for chunk in client.chat.completions.create(model=model, messages=messages, tools=tools, stream=True):
    text += chunk.choices[0].delta.content or ""
assert text == "Reading.", text

text, calls, usage = "", {}, None
stream = client.chat.completions.create(
    model=model, messages=messages, tools=tools, stream=True, stream_options={"include_usage": True}
)
for chunk in stream:
    usage = chunk.usage or usage
    for choice in chunk.choices:
        text += choice.delta.content or ""
        for call in choice.delta.tool_calls or []:
            known = calls.setdefault(call.index, {"id": call.id, "name": call.function.name, "arguments": ""})
            known["arguments"] += call.function.arguments or ""
assert text == "Reading.", text
assert [(call["name"], json.loads(call["arguments"])) for call in calls.values()] == expected
assert (usage.prompt_tokens, usage.completion_tokens) == (100, 25), usage

whole = client.chat.completions.create(model=model, messages=messages, tools=tools)
message = whole.choices[0].message
assert [(call.function.name, json.loads(call.function.arguments)) for call in message.tool_calls] == expected
messages.append(message.model_dump(exclude_none=True))
messages += [{"role": "tool", "tool_call_id": call.id, "content": "ok"} for call in message.tool_calls]
assert client.chat.completions.create(model=model, messages=messages, tools=tools).choices[0].message.content == "Done."

flat = [{"type": "function", "name": name, "description": "d", "parameters": parameters} for name in ("read", "run")]
with client.responses.stream(model=model, input="Go.", tools=flat) as stream:
    kinds = [event.type for event in stream]
    response = stream.get_final_response()
assert "response.output_text.delta" in kinds and "response.function_call_arguments.delta" in kinds, kinds
assert response.output_text == "Reading.", response
found = [item for item in response.output if item.type == "function_call"]
assert [(call.name, json.loads(call.arguments)) for call in found] == expected
followed = [{"role": "user", "content": "Go."}]
followed += [item.model_dump(exclude_none=True) for item in response.output]
followed += [{"type": "function_call_output", "call_id": call.call_id, "output": "ok"} for call in found]
assert client.responses.create(model=model, input=followed, tools=flat).output_text == "Done."

if behind == "open_ai_chat":
    embedded = client.embeddings.create(model=model, input=["One.", "Two."], dimensions=8)
    assert [len(entry.embedding) for entry in embedded.data] == [8, 8], embedded
    assert embedded.data[0].embedding != embedded.data[1].embedding
    assert embedded.usage.prompt_tokens == 2, embedded.usage
    floats = client.embeddings.create(model=model, input="One.", dimensions=8, encoding_format="float")
    assert max(abs(a - b) for a, b in zip(floats.data[0].embedding, embedded.data[0].embedding)) < 1e-6
else:
    try:
        client.embeddings.create(model=model, input="One.")
        raise AssertionError("only OpenAI's format has them")
    except BadRequestError as error:
        assert "no embeddings" in error.message, error.message


def refused(kind, status, key=key, model=model):
    try:
        OpenAI(base_url=url + "/llm/openai/v1", api_key=key).chat.completions.create(model=model, messages=messages)
    except kind as error:
        assert error.status_code == status, error
        # The first try was the last.
        assert error.response.request.headers["x-stainless-retry-count"] == "0"
        return error
    raise AssertionError("it was not refused")


assert refused(AuthenticationError, 401, key="sk-muster-wrong").code == "invalid_api_key"
refused(NotFoundError, 404, model="server/no-such-model")
over = refused(APIStatusError, 402, key=broke)
assert over.code == "insufficient_quota" and "budget" in over.message, over.message
print("all good")
