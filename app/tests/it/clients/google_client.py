import sys

from google import genai
from google.genai import errors, types

url, key, broke, model = sys.argv[1:5]


def connect(key):
    # As many retries as its users may ask for: a budget must not be retried all the same.
    options = types.HttpOptions(base_url=url + "/llm/gemini", retry_options=types.HttpRetryOptions(attempts=3))
    return genai.Client(api_key=key, http_options=options)


client = connect(key)
schema = {"type": "OBJECT", "properties": {"path": {"type": "STRING"}, "command": {"type": "STRING"}}}
tools = [{"function_declarations": [{"name": name, "description": "d", "parameters": schema} for name in ("read", "run")]}]
config = types.GenerateContentConfig(
    tools=tools,
    system_instruction="Be brief.",
    automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
)
expected = [("read", {"path": "a ü.txt"}), ("run", {"command": "ls -l"})]

assert "models/" + model in [entry.name for entry in client.models.list()], "the model is listed"
assert client.models.get(model="models/" + model).name == "models/" + model
try:
    client.models.get(model="models/server/no-such-model")
    raise AssertionError("there is no such model")
except errors.ClientError as error:
    assert (error.code, error.status) == (404, "NOT_FOUND"), error

text, calls, usage, parts = "", [], None, []
for chunk in client.models.generate_content_stream(model="models/" + model, contents="Go.", config=config):
    usage = chunk.usage_metadata or usage
    for part in chunk.candidates[0].content.parts or []:
        parts.append(part)
        if part.function_call:
            calls.append((part.function_call.name, part.function_call.args))
        elif not part.thought:
            text += part.text or ""
assert text == "Reading.", text
assert calls == expected, calls
assert usage.prompt_token_count == 100, usage

contents = [
    types.Content(role="user", parts=[types.Part(text="Go.")]),
    types.Content(role="model", parts=[part for part in parts if part.function_call]),
    types.Content(
        role="user", parts=[types.Part.from_function_response(name=name, response={"output": "ok"}) for name, _ in calls]
    ),
]
done = client.models.generate_content(model="models/" + model, contents=contents, config=config)
assert done.text == "Done.", done
assert client.models.count_tokens(model="models/" + model, contents=contents).total_tokens > 10


def refused(status, key=key, model=model):
    # Kept until the end: a client that nobody holds closes itself.
    other = connect(key)
    try:
        other.models.generate_content(model="models/" + model, contents="Go.")
    except errors.ClientError as error:
        assert error.code == status, error
        return error
    raise AssertionError("it was not refused")


refused(401, key="sk-muster-wrong")
refused(404, model="server/no-such-model")
over = refused(402, key=broke)
assert over.status == "RESOURCE_EXHAUSTED" and "budget" in over.message, over
print("all good")
