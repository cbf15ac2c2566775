import sys

from google import genai
from google.genai import types

client = genai.Client(api_key="x", http_options=types.HttpOptions(base_url=sys.argv[1]))
schema = {"type": "OBJECT", "properties": {"path": {"type": "STRING"}, "command": {"type": "STRING"}}}
tools = [{"function_declarations": [{"name": name, "description": "d", "parameters": schema} for name in ("read", "run")]}]
config = types.GenerateContentConfig(
    tools=tools,
    system_instruction="Be brief.",
    automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
)

text, thought, calls, usage, parts = "", "", [], None, []
for chunk in client.models.generate_content_stream(model="m", contents="Go.", config=config):
    usage = chunk.usage_metadata or usage
    for part in chunk.candidates[0].content.parts or []:
        parts.append(part)
        if part.function_call:
            calls.append((part.function_call.name, part.function_call.args))
        elif part.thought:
            thought += part.text
        else:
            text += part.text or ""
assert (text, thought) == ("Reading.", "A thought."), (text, thought)
assert calls == [("read", {"path": "a ü.txt"}), ("run", {"command": "ls -l"})], calls
counts = (usage.prompt_token_count, usage.cached_content_token_count, usage.candidates_token_count)
assert counts == (100, 60, 20) and usage.thoughts_token_count == 5, usage

contents = [
    types.Content(role="user", parts=[types.Part(text="Go.")]),
    types.Content(role="model", parts=[part for part in parts if part.function_call]),
    types.Content(
        role="user", parts=[types.Part.from_function_response(name=name, response={"output": "ok"}) for name, _ in calls]
    ),
]
assert client.models.generate_content(model="m", contents=contents, config=config).text == "Done."
assert client.models.count_tokens(model="m", contents=contents).total_tokens > 10
print("all good")
