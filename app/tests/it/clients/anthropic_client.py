import sys

from anthropic import Anthropic, APIStatusError, AuthenticationError, NotFoundError

url, key, broke, model = sys.argv[1:5]
client = Anthropic(base_url=url + "/llm/anthropic", api_key=key)
schema = {"type": "object", "properties": {"path": {"type": "string"}, "command": {"type": "string"}}}
tools = [{"name": name, "description": "d", "input_schema": schema} for name in ("read", "run")]
expected = [("read", {"path": "a ü.txt"}), ("run", {"command": "ls -l"})]
messages = [{"role": "user", "content": "Go."}]

assert model in [entry.id for entry in client.models.list()], "the model is listed"
assert client.models.retrieve(model).id == model
try:
    client.models.retrieve("server/no-such-model")
    raise AssertionError("there is no such model")
except NotFoundError as error:
    assert error.body["error"]["type"] == "not_found_error", error.body

with client.messages.stream(model=model, max_tokens=500, messages=messages, tools=tools) as stream:
    text = "".join(stream.text_stream)
    message = stream.get_final_message()
assert text == "Reading.", text
assert message.stop_reason == "tool_use"
assert [block.type for block in message.content] == ["thinking", "text", "tool_use", "tool_use"], message
calls = [block for block in message.content if block.type == "tool_use"]
assert [(call.name, call.input) for call in calls] == expected
assert message.usage.output_tokens == 25, message.usage

messages.append({"role": "assistant", "content": [block.model_dump(exclude_none=True) for block in message.content]})
results = [{"type": "tool_result", "tool_use_id": call.id, "content": "ok"} for call in calls]
messages.append({"role": "user", "content": results})
done = client.messages.create(model=model, max_tokens=500, messages=messages, tools=tools)
assert done.content[0].text == "Done.", done
assert client.messages.count_tokens(model=model, messages=messages).input_tokens > 10


def refused(kind, status, key=key, model=model):
    try:
        other = Anthropic(base_url=url + "/llm/anthropic", api_key=key)
        other.messages.create(model=model, max_tokens=500, messages=messages)
    except kind as error:
        assert error.status_code == status, error
        assert error.response.request.headers["x-stainless-retry-count"] == "0"
        return error
    raise AssertionError("it was not refused")


refused(AuthenticationError, 401, key="sk-muster-wrong")
refused(NotFoundError, 404, model="server/no-such-model")
over = refused(APIStatusError, 402, key=broke)
assert over.body["error"]["type"] == "billing_error" and "budget" in over.message, over.body
print("all good")
