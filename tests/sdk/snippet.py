from openai import OpenAI

client = OpenAI(
    api_key="AGENT_KEY",
    base_url="AGENT_ENDPOINT/v1"
)
response = client.chat.completions.create(
    model="llama3.1-70b",
    messages=[{"role": "user", "content": "Analyze Q4 sales"}],
    stream=True
)
for chunk in response:
    print(chunk.choices[0].delta.content, end="")
