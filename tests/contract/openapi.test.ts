// The contract itself: a valid OpenAPI 3.1 document, complete where the standard leaves freedom, whose examples are
// what it says, and in which nothing is left over.

import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Validator } from "@seriousme/openapi-schema-validator";
import {
  CONTRACT_URL,
  contract,
  type HeaderRule,
  METHODS,
  type Media,
  mismatch,
  type Operation,
  type Parameter,
  type PathItem,
  type Reference,
  type ResponseRule,
  resolve,
  type Schema,
} from "../harness/openapi/document.ts";
import { EventCheck } from "../harness/openapi/events.ts";
import { parametersOf } from "../harness/openapi/route.ts";

const operations: { label: string; path: string; item: PathItem; operation: Operation }[] = Object.entries(
  contract.paths,
).flatMap(([path, item]) =>
  METHODS.flatMap((method) => {
    const operation = item[method];
    return operation === undefined
      ? []
      : [{ label: `${method.toUpperCase()} ${path}`, path, item, operation }];
  }),
);

/** Whether an operation is the network's, which answers as Moltnet does. */
const isNetwork = (item: PathItem): boolean => item["x-surface"] === "network";

/** Answers that are not as the rest: the network's own, and those that it shares. */
const NETWORK = new Set([
  ...operations.filter(({ item }) => isNetwork(item)).map(({ label }) => label),
  ...["GET /healthz", "GET /readyz", "network path", "network method"],
]);

const responses: { label: string; status: string; rule: ResponseRule }[] = [
  ...operations.flatMap(({ label, operation }) => answers(label, operation.responses)),
  ...Object.entries(contract["x-unmatched"]).flatMap(([surface, kinds]) =>
    Object.entries(kinds).flatMap(([kind, rules]) => answers(`${surface} ${kind}`, rules)),
  ),
];

function answers(label: string, rules: Record<string, ResponseRule | Reference>): typeof responses {
  return Object.entries(rules).map(([status, rule]) => ({
    label: `${label} → ${status}`,
    status,
    rule: resolve<ResponseRule>(rule),
  }));
}

test("the document is valid OpenAPI 3.1", async () => {
  const validator = new Validator();
  const { valid, errors } = await validator.validate(fileURLToPath(CONTRACT_URL));
  assert.equal(valid, true, JSON.stringify(errors, null, 2));
  assert.match(contract.openapi, /^3\.1\.\d+$/);
});

test("every operation says what it is and who may call it", () => {
  const ids = new Set<string>();
  const tags = new Set(contract.tags.map((tag) => tag.name));
  for (const { label, operation } of operations) {
    assert.ok(operation.summary, `${label}: no summary`);
    assert.match(operation.operationId ?? "", /^[a-z][A-Za-z]+$/, `${label}: no operationId`);
    assert.ok(!ids.has(operation.operationId), `${label}: ${operation.operationId} is used twice`);
    ids.add(operation.operationId);
    assert.ok(operation.tags?.length === 1 && tags.has(operation.tags[0] ?? ""), `${label}: no listed tag`);
    assert.ok(Array.isArray(operation.security), `${label}: security is left to a default`);
  }
  assert.ok(operations.length > 20);
});

test("every operation names its parameters and answers as the path and the surface demand", () => {
  for (const { label, path, item, operation } of operations) {
    const named = parametersOf(item, operation).filter((p) => p.in === "path");
    const inPath = [...path.matchAll(/\{([^}]+)\}/g)].map((match) => match[1]);
    assert.deepEqual(named.map((p) => p.name).sort(), inPath.sort(), `${label}: path parameters`);
    const documented = Object.keys(operation.responses);
    // What is only there to be refused says so.
    assert.equal(
      documented.some((status) => status.startsWith("2") || status === "101"),
      operation["x-unserved"] !== true,
      `${label}: no success`,
    );
    const always = label.startsWith("OPTIONS")
      ? ["403", "421", "500", "503"]
      : ["403", "405", "421", "500", "503"];
    const credential = operation.security.some((one) => Object.keys(one).length > 0) ? ["401"] : [];
    const refused = isNetwork(item) ? ["400"] : ["400", "413", "415"];
    const body = operation.requestBody === undefined ? [] : refused;
    for (const status of [...always, ...credential, ...body]) {
      assert.ok(documented.includes(status), `${label}: ${status} is not documented`);
    }
  }
});

test("every answer carries a request id and, as an error, whether to try again", () => {
  for (const { label, status, rule } of responses) {
    const required = Object.entries(rule.headers ?? {})
      .filter(([, header]) => resolve<HeaderRule>(header).required)
      .map(([name]) => name);
    assert.ok(required.includes("x-request-id"), `${label}: no x-request-id`);
    assert.ok(required.includes("x-content-type-options"), `${label}: no x-content-type-options`);
    const network = NETWORK.has(label.split(" → ")[0] ?? "");
    assert.ok(
      Number(status) < 400 || network || required.includes("x-should-retry"),
      `${label}: no x-should-retry`,
    );
    assert.ok(status !== "405" || required.includes("allow"), `${label}: no allow`);
    assert.ok(
      status !== "401" || network || required.includes("www-authenticate"),
      `${label}: no www-authenticate`,
    );
  }
});

test("every body has an example, and every example is as its schema says", () => {
  for (const { label, rule } of responses) {
    for (const [type, media] of Object.entries(rule.content ?? {})) {
      expectExamples(`${label} ${type}`, media, type === "text/event-stream");
    }
  }
  for (const { label, item, operation } of operations) {
    for (const media of Object.values(operation.requestBody?.content ?? {})) {
      expectExamples(`${label} request`, media, false);
    }
    for (const parameter of parametersOf(item, operation)) {
      expectExample(`${label} ${parameter.name}`, parameter);
    }
  }
  for (const [name, header] of Object.entries(contract.components.headers ?? {})) {
    expectExample(name, header as HeaderRule);
  }
});

function expectExamples(label: string, media: Media, stream: boolean): void {
  const examples = Object.entries(media.examples ?? {});
  assert.ok(examples.length > 0, `${label}: no example`);
  for (const [name, { value }] of examples) {
    const wrong = mismatch(media.schema, value);
    assert.equal(wrong, null, `${label}, example ${name}: ${wrong}`);
    if (stream) {
      assert.ok(media["x-event-schema"] !== undefined, `${label}: no schema for its events`);
      const check = new EventCheck(media["x-event-schema"], `${label}, example ${name}`, media["x-endless"]);
      check.push(Buffer.from(value as string));
      check.end();
    }
  }
}

function expectExample(label: string, holder: Pick<Parameter, "schema" | "example">): void {
  const wrong = holder.example === undefined ? null : mismatch(holder.schema, holder.example);
  assert.equal(wrong, null, `${label}: ${wrong}`);
}

test("every reference leads somewhere and every component is used", () => {
  const used = new Set<string>();
  walk(contract, (value) => {
    if (typeof value.$ref === "string") {
      resolve(value as unknown as Reference);
      used.add(value.$ref);
    }
    for (const requirement of Array.isArray(value.security) ? value.security : []) {
      for (const scheme of Object.keys(requirement)) {
        used.add(`#/components/securitySchemes/${scheme}`);
      }
    }
  });
  for (const [kind, members] of Object.entries(contract.components)) {
    for (const name of Object.keys(members)) {
      assert.ok(used.has(`#/components/${kind}/${name}`), `${kind}/${name} is used nowhere`);
    }
  }
});

test("every object says whether it may hold what is not named", () => {
  for (const [name, schema] of Object.entries(contract.components.schemas)) {
    walk(schema, (value) => {
      const part = value.type === "object" && value.properties !== undefined;
      // A part of an `allOf` leaves the word to the whole.
      const said = ["additionalProperties", "unevaluatedProperties"].some((key) => key in value);
      const inside = Array.isArray((schema as { allOf?: Schema[] }).allOf);
      assert.ok(
        !part || said || inside || name === "RunOptions",
        `${name}: open or closed? ${JSON.stringify(value)}`,
      );
    });
  }
});

test("every error code stands in the table with the status that uses it, and each is used", () => {
  const used = new Set<string>();
  for (const { label, status, rule } of responses) {
    walk(rule.content ?? {}, (value) => {
      const properties = value.properties as Record<string, { enum?: string[]; const?: string }> | undefined;
      for (const code of properties?.code?.enum ?? []) {
        const known = contract["x-error-codes"][code];
        assert.ok(known !== undefined, `${label}: ${code} is not in x-error-codes`);
        const statuses = [known.status, known.legacy_status].map(String);
        assert.ok(statuses.includes(status), `${label}: ${code} has another status`);
        assert.equal(properties?.type?.const, known.type, `${label}: ${code} has another type`);
        used.add(code);
      }
    });
  }
  assert.deepEqual([...used].sort(), Object.keys(contract["x-error-codes"]).sort());
});

function walk(value: unknown, visit: (object: Record<string, unknown>) => void): void {
  if (typeof value !== "object" || value === null) {
    return;
  }
  if (!Array.isArray(value)) {
    visit(value as Record<string, unknown>);
  }
  for (const member of Object.values(value)) {
    walk(member, visit);
  }
}
