// The contract as a judge: every suite sends its requests through `checkedFetch`, `checkedRequest` or a checked proxy,
// or hands what it got by other means to `expectDocumented`.

export { expectDocumented, type Observed } from "./openapi/answer.ts";
export { type CheckedInit, type CheckedOptions, checkedFetch, checkedRequest } from "./openapi/checked.ts";
export { CONTRACT_URL, contract, type Surface } from "./openapi/document.ts";
export { type CheckedProxy, startCheckedProxy } from "./openapi/proxy.ts";
