// The vendors' own clients for JavaScript, unchanged, against the model gateway: node models.mjs URL KEY BROKE_KEY MODEL KIND_BEHIND
import assert from "node:assert/strict";
import Anthropic from "@anthropic-ai/sdk";
import { GoogleGenAI } from "@google/genai";
import OpenAI from "openai";

const [url, key, broke, model, behind] = process.argv.slice(2);
const schema = { type: "object", properties: { path: { type: "string" }, command: { type: "string" } } };
const expected = [["read", { path: "a ü.txt" }], ["run", { command: "ls -l" }]];

async function refused(status, call) {
  const error = await call().then(() => assert.fail("it was not refused"), (error) => error);
  assert.equal(error.status, status, String(error));
  return error;
}

async function openai() {
  const connect = (apiKey) => new OpenAI({ baseURL: `${url}/llm/openai/v1`, apiKey });
  const client = connect(key);
  const tools = ["read", "run"].map((name) => ({ type: "function", function: { name, description: "d", parameters: schema } }));
  const messages = [{ role: "user", content: "Go." }];
  assert.ok((await client.models.list()).data.some((entry) => entry.id === model));
  assert.equal((await client.models.retrieve(model)).id, model);
  let text = "";
  for await (const chunk of await client.chat.completions.create({ model, messages, tools, stream: true })) {
    text += chunk.choices[0].delta.content ?? "";
  }
  assert.equal(text, "Reading.");
  const whole = await client.chat.completions.create({ model, messages, tools });
  const calls = whole.choices[0].message.tool_calls;
  assert.deepEqual(calls.map((call) => [call.function.name, JSON.parse(call.function.arguments)]), expected);
  const flat = ["read", "run"].map((name) => ({ type: "function", name, description: "d", parameters: schema, strict: false }));
  const response = await client.responses.stream({ model, input: "Go.", tools: flat }).finalResponse();
  assert.equal(response.output_text, "Reading.");
  if (behind === "open_ai_chat") {
    const embedded = await client.embeddings.create({ model, input: ["One.", "Two."], dimensions: 8 });
    assert.deepEqual(embedded.data.map((entry) => entry.embedding.length), [8, 8]);
    assert.notDeepEqual(embedded.data[0].embedding, embedded.data[1].embedding);
    assert.equal(embedded.usage.prompt_tokens, 2);
  } else {
    const error = await refused(400, () => client.embeddings.create({ model, input: "One." }));
    assert.ok(error.message.includes("no embeddings"), error.message);
  }
  const ask = (apiKey, model) => () => connect(apiKey).chat.completions.create({ model, messages });
  await refused(401, ask("sk-muster-wrong", model));
  await refused(404, ask(key, "server/no-such-model"));
  const over = await refused(402, ask(broke, model));
  assert.ok(over.code === "insufficient_quota" && over.message.includes("budget"), over.message);
}

async function anthropic() {
  const connect = (apiKey) => new Anthropic({ baseURL: `${url}/llm/anthropic`, apiKey });
  const client = connect(key);
  const tools = ["read", "run"].map((name) => ({ name, description: "d", input_schema: schema }));
  const messages = [{ role: "user", content: "Go." }];
  assert.ok((await client.models.list()).data.some((entry) => entry.id === model));
  assert.equal((await client.models.retrieve(model)).id, model);
  const message = await client.messages.stream({ model, max_tokens: 500, messages, tools }).finalMessage();
  const calls = message.content.filter((block) => block.type === "tool_use");
  assert.deepEqual(calls.map((call) => [call.name, call.input]), expected);
  assert.equal(message.usage.output_tokens, 25);
  assert.ok((await client.messages.countTokens({ model, messages })).input_tokens > 0);
  const ask = (apiKey, model) => () => connect(apiKey).messages.create({ model, max_tokens: 500, messages });
  await refused(401, ask("sk-muster-wrong", model));
  await refused(404, ask(key, "server/no-such-model"));
  const over = await refused(402, ask(broke, model));
  assert.equal(over.error.error.type, "billing_error");
}

async function google() {
  const connect = (apiKey) => new GoogleGenAI({ apiKey, httpOptions: { baseUrl: `${url}/llm/gemini` } });
  const client = connect(key);
  const config = { tools: [{ functionDeclarations: ["read", "run"].map((name) => ({ name, description: "d", parametersJsonSchema: schema })) }] };
  let text = "";
  const calls = [];
  const stream = await client.models.generateContentStream({ model: `models/${model}`, contents: "Go.", config });
  for await (const chunk of stream) {
    for (const part of chunk.candidates?.[0].content?.parts ?? []) {
      if (part.functionCall) calls.push([part.functionCall.name, part.functionCall.args]);
      else if (!part.thought) text += part.text ?? "";
    }
  }
  assert.equal(text, "Reading.");
  assert.deepEqual(calls, expected);
  const whole = await client.models.generateContent({ model: `models/${model}`, contents: "Go.", config });
  assert.equal(whole.functionCalls.length, 2);
  assert.ok((await client.models.countTokens({ model: `models/${model}`, contents: "Go." })).totalTokens > 0);
  const ask = (apiKey, model) => () => connect(apiKey).models.generateContent({ model: `models/${model}`, contents: "Go." });
  await refused(401, ask("sk-muster-wrong", model));
  await refused(404, ask(key, "server/no-such-model"));
  await refused(402, ask(broke, model));
}

await openai();
await anthropic();
await google();
console.log("all good");
