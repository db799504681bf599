// What the calls of the table say.

export const CHAT = "/v1/chat/completions";
export const say = (content: string) => ({ messages: [{ role: "user", content }] });

export const TOOLS = [
  {
    type: "function",
    function: {
      name: "look_up",
      description: "Looks something up",
      parameters: { type: "object", properties: { query: { type: "string" } } },
    },
  },
];
