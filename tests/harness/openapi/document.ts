// The contract, docs/openapi.yaml, as the suites use it: parsed once, its references resolved, its schemas compiled.
//
// Invariant: a reference that leads nowhere, or a schema that ajv does not understand word for word, fails here, before
// any answer is judged by it.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { parse } from "yaml";

/** A JSON schema, as far as this code looks into one. */
export type Schema = Record<string, unknown> | boolean;

/** An object that may stand for another one. */
export interface Reference {
  $ref: string;
}

/** One media type of a request or response. */
export interface Media {
  schema: Schema;
  "x-event-schema"?: Schema;
  /** The stream has no end that says so: it may be cut after any event. */
  "x-endless"?: boolean;
  examples?: Record<string, { value: unknown }>;
}

/** One documented header. */
export interface HeaderRule {
  required?: boolean;
  description?: string;
  schema: Schema;
  example?: unknown;
}

/** One documented response. */
export interface ResponseRule {
  description: string;
  headers?: Record<string, HeaderRule | Reference>;
  content?: Record<string, Media>;
}

export type ResponseRules = Record<string, ResponseRule | Reference>;

/** One documented parameter. */
export interface Parameter {
  name: string;
  in: "path" | "query" | "header";
  schema: Schema;
  example?: unknown;
  "x-allow-slash"?: "once" | "always";
}

/** One operation. */
export interface Operation {
  operationId: string;
  "x-unserved"?: boolean;
  summary: string;
  tags: string[];
  security: Record<string, string[]>[];
  parameters?: (Parameter | Reference)[];
  requestBody?: { required: boolean; content: Record<string, Media> };
  responses: ResponseRules;
}

export const METHODS = ["get", "post", "patch", "put", "delete", "options"] as const;
export type Method = (typeof METHODS)[number];

/** One path: its operations, and what they share. */
export type PathItem = { [M in Method]?: Operation } & {
  servers?: { url: string }[];
  "x-surface"?: "network";
  "x-more-methods"?: string[];
  parameters?: (Parameter | Reference)[];
};

/** One line of the table of error codes. */
export interface ErrorCode {
  status: number;
  /** The status that it has where an owner asked for that. */
  legacy_status?: number;
  type: string;
  retry: string;
}

export type Surface = "endpoint" | "control" | "network";

/** The whole document, as far as this code looks into it. */
export interface Contract {
  openapi: string;
  paths: Record<string, PathItem>;
  tags: { name: string }[];
  components: Record<string, Record<string, unknown>> & { schemas: Record<string, Schema> };
  "x-error-codes": Record<string, ErrorCode>;
  "x-unmatched": Record<Surface, Record<"path" | "method", ResponseRules>>;
}

/** Where the contract lies. */
export const CONTRACT_URL = new URL("../../../docs/openapi.yaml", import.meta.url);

/** The contract as it is written, aliases expanded. */
export const contract = parse(readFileSync(CONTRACT_URL, "utf8"), { maxAliasCount: -1 }) as Contract;

const SCHEMAS = "#/components/schemas/";
const BASE = "moltghost://contract/";

const ajv = new Ajv2020({
  allErrors: true,
  allowUnionTypes: true,
  strictTypes: false,
  strictRequired: false,
});
formats.default(ajv);
for (const [name, schema] of Object.entries(contract.components.schemas)) {
  ajv.addSchema(absolute(schema) as object, BASE + name);
}

const compiled = new Map<Schema, ValidateFunction>();

/** Follows a reference; anything else is returned as it is. */
export function resolve<T extends object>(value: T | Reference): T {
  if (!("$ref" in value) || typeof value.$ref !== "string") {
    return value as T;
  }
  assert.ok(value.$ref.startsWith("#/"), `${value.$ref} does not point into the document`);
  let found: unknown = contract;
  for (const part of value.$ref.slice(2).split("/")) {
    const name = part.replaceAll("~1", "/").replaceAll("~0", "~");
    found = (found as Record<string, unknown> | undefined)?.[name];
  }
  assert.ok(typeof found === "object" && found !== null, `${value.$ref} leads nowhere`);
  return resolve(found as T | Reference);
}

/** What is wrong with `value` by `schema`, in words; null if nothing is. */
export function mismatch(schema: Schema, value: unknown): string | null {
  let validate = compiled.get(schema);
  if (validate === undefined) {
    validate = ajv.compile(absolute(schema) as object);
    compiled.set(schema, validate);
  }
  return validate(value) ? null : ajv.errorsText(validate.errors, { dataVar: "body", separator: "\n  " });
}

/** A schema of the components by its name. */
export function component(name: string): Schema {
  return resolve<Record<string, unknown>>({ $ref: SCHEMAS + name });
}

// ajv knows each component schema under an address of its own, so that a schema can be compiled apart from its document.
function absolute(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(absolute);
  }
  if (typeof value !== "object" || value === null) {
    return value;
  }
  const copy: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(value)) {
    const local = name === "$ref" && typeof member === "string" && member.startsWith(SCHEMAS);
    copy[name] = local ? BASE + (member as string).slice(SCHEMAS.length) : absolute(member);
  }
  return copy;
}
