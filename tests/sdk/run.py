"""Makes calls of the table with the installed Python SDK, unmodified: a JSON line for each call comes in on
standard input, a JSON line with its outcome goes out."""

import json
import sys

import openai


def usage(answer):
    used = answer.usage
    if used is None:
        return None
    return {"prompt": used.prompt_tokens, "completion": used.completion_tokens, "total": used.total_tokens}


def chat(client, call, body, outcome):
    completion = client.chat.completions.create(**body, extra_body=call.get("extra"))
    choice = completion.choices[0]
    calls = choice.message.tool_calls or []
    outcome["content"] = choice.message.content or ""
    outcome["finish"] = choice.finish_reason
    outcome["usage"] = usage(completion)
    outcome["tools"] = [{"name": c.function.name, "arguments": c.function.arguments} for c in calls]
    outcome["request"] = completion._request_id


def stream(client, call, body, outcome):
    outcome.update(content="", finish=None, usage=None, tools=[], chunks=0)
    for chunk in client.chat.completions.create(**body, stream=True, extra_body=call.get("extra")):
        outcome["chunks"] += 1
        outcome["usage"] = usage(chunk) or outcome["usage"]
        for choice in chunk.choices:
            outcome["content"] += choice.delta.content or ""
            outcome["finish"] = choice.finish_reason or outcome["finish"]
            for part in choice.delta.tool_calls or []:
                while len(outcome["tools"]) <= part.index:
                    outcome["tools"].append({"name": "", "arguments": ""})
                outcome["tools"][part.index]["name"] += part.function.name or ""
                outcome["tools"][part.index]["arguments"] += part.function.arguments or ""


def text(client, call, body, outcome):
    completion = client.completions.create(**body, extra_body=call.get("extra"))
    outcome["content"] = completion.choices[0].text
    outcome["finish"] = completion.choices[0].finish_reason
    outcome["usage"] = usage(completion)
    outcome["request"] = completion._request_id


def text_stream(client, call, body, outcome):
    outcome.update(content="", finish=None, usage=None, chunks=0)
    for chunk in client.completions.create(**body, stream=True, extra_body=call.get("extra")):
        outcome["chunks"] += 1
        outcome["usage"] = usage(chunk) or outcome["usage"]
        for choice in chunk.choices:
            outcome["content"] += choice.text or ""
            outcome["finish"] = choice.finish_reason or outcome["finish"]


def embeddings(client, call, body, outcome):
    answer = client.embeddings.create(**body, extra_body=call.get("extra"))
    outcome["vectors"] = [len(one.embedding) for one in answer.data]
    used = answer.usage
    outcome["usage"] = {"prompt": used.prompt_tokens, "completion": 0, "total": used.total_tokens}


def response_usage(response):
    used = response.usage
    if used is None:
        return None
    return {"prompt": used.input_tokens, "completion": used.output_tokens, "total": used.total_tokens}


def response(client, call, body, outcome):
    answer = client.responses.create(**body, extra_body=call.get("extra"))
    outcome["content"] = answer.output_text
    outcome["finish"] = answer.status
    outcome["usage"] = response_usage(answer)
    outcome["request"] = answer._request_id


def response_stream(client, call, body, outcome):
    outcome.update(content="", finish=None, usage=None, chunks=0)
    for event in client.responses.create(**body, stream=True, extra_body=call.get("extra")):
        outcome["chunks"] += 1
        if event.type == "response.output_text.delta":
            outcome["content"] += event.delta
        if getattr(event, "response", None) is not None:
            outcome["finish"] = event.response.status
            outcome["usage"] = response_usage(event.response)


RUNS = {
    "chat": chat,
    "stream": stream,
    "text": text,
    "text-stream": text_stream,
    "embeddings": embeddings,
    "response": response,
    "response-stream": response_stream,
}


def make(client, call, model, outcome):
    kind = call["kind"]
    if kind == "models":
        outcome["models"] = sorted(found.id for found in client.models.list().data)
    elif kind == "model":
        found = client.models.retrieve(call["id"])
        outcome["models"] = [found.id]
        outcome["request"] = found._request_id
    else:
        body = {"model": model, **call.get("body", {})}
        RUNS[kind](client, call, body, outcome)


def run(asked):
    call = asked["call"]
    client = openai.OpenAI(api_key=call.get("key", asked["key"]), base_url=asked["url"])
    outcome = {"ok": True}
    try:
        make(client, call, asked["model"], outcome)
    except openai.APIError as error:
        outcome["ok"] = False
        outcome["request"] = getattr(error, "request_id", None)
        outcome["error"] = {
            "class": type(error).__name__,
            "status": getattr(error, "status_code", None),
            "code": error.code,
            "type": error.type,
            "message": str(error),
        }
    except Exception as error:  # What is no error of the SDK is told by its class, and fails the case.
        outcome["ok"] = False
        names = {"class": type(error).__name__, "status": None, "code": None, "type": None}
        outcome["error"] = {**names, "message": str(error)}
    return outcome


print(json.dumps({"version": openai.__version__}), flush=True)
for line in sys.stdin:
    print(json.dumps(run(json.loads(line))), flush=True)
