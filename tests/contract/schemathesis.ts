// Runs schemathesis, which makes up requests from the contract and judges the answers by it, against a running Worker.
//
// Invariant: bounded in examples and in time, and a run that tried nothing is a failure. Credentials reach it by a file
// in a folder of the run's own, never by its command line.

import assert from "node:assert/strict";
import { type ExecFileException, execFile } from "node:child_process";
import { existsSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { contract } from "../harness/openapi.ts";
import { ROOT } from "../harness/paths.ts";
import { discard, scratch } from "../harness/scratch.ts";

/** What is asked of a server that is otherwise free to refuse whatever it likes. */
const CHECKS = [
  "not_a_server_error",
  "status_code_conformance",
  "content_type_conformance",
  "response_schema_conformance",
  "response_headers_conformance",
];

/** Seconds for one run; schemathesis spends all of them. */
const SECONDS = Number(process.env.MOLTGHOST_SCHEMATHESIS_SECONDS ?? 20);
const SEED = Number(process.env.MOLTGHOST_SCHEMATHESIS_SEED ?? 1);
const EXAMPLES = 30;
const GRACE_SECONDS = 300;

/** One run. */
export interface Examination {
  /** Where the paths of the contract begin. */
  url: string;
  /** Which of them, as a regular expression. */
  paths: string;
  /** Bearer credentials by the name of their scheme. */
  credentials: Record<string, string>;
  /** Path parameters that are to name something real, by name. */
  parameters?: Record<string, string>;
  /** The same for single operations (`DELETE /x/{y}`), where the usual ones must not be hit. */
  operations?: Record<string, Record<string, string>>;
}

/** Runs schemathesis; throws with its report unless every answer was as documented. */
export async function examine(examination: Examination): Promise<void> {
  const folder = scratch("schemathesis");
  try {
    const config = join(folder, "schemathesis.toml");
    const document = join(folder, "openapi.json");
    writeFileSync(config, configuration(examination), { mode: 0o600 });
    writeFileSync(document, JSON.stringify(withEvents(contract)));
    const options = ["--url", examination.url, "--include-path-regex", examination.paths];
    const limits = [
      "--max-time",
      String(SECONDS),
      "--max-examples",
      String(EXAMPLES),
      "--seed",
      String(SEED),
    ];
    const output = await run(folder, await program(), [
      ...["--config-file", config, "run", document, ...options, ...limits],
      ...["--phases", "examples,coverage,fuzzing,stateful", "--checks", CHECKS.join(",")],
      // Small machines are slow to make up examples, which says nothing about the Worker.
      ...["--suppress-health-check", "all", "--request-timeout", "30", "--no-color"],
      ...["--generation-database", "none"],
    ]);
    const tried = Number(/(\d+) generated/.exec(output)?.[1] ?? 0);
    assert.ok(tried >= 50, `schemathesis tried only ${tried} requests:\n${output}`);
  } finally {
    discard(folder);
  }
}

function configuration({ credentials, parameters = {}, operations = {} }: Examination): string {
  const text = (value: string): string => JSON.stringify(value);
  const paths = (names: Record<string, string>): string[] =>
    Object.entries(names).map(([name, value]) => `"path.${name}" = ${text(value)}`);
  return [
    ...Object.entries(credentials).map(
      ([scheme, bearer]) => `auth.openapi.${scheme}.bearer = ${text(bearer)}`,
    ),
    "[parameters]",
    ...paths(parameters),
    ...Object.entries(operations).flatMap(([name, own]) => [
      "[[operations]]",
      `include-name = ${text(name)}`,
      `parameters = { ${paths({ ...parameters, ...own }).join(", ")} }`,
    ]),
    "",
  ].join("\n");
}

/** The contract with the schemas of its events where schemathesis looks for them, as OpenAPI 3.2 has them. */
function withEvents(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(withEvents);
  }
  if (typeof value !== "object" || value === null) {
    return value;
  }
  const copy: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(value)) {
    if (name === "x-event-schema") {
      const json = { contentMediaType: "application/json", contentSchema: withEvents(member) };
      copy.itemSchema = { type: "object", properties: { data: { anyOf: [{ const: "[DONE]" }, json] } } };
    } else {
      copy[name] = withEvents(member);
    }
  }
  return copy;
}

/** `MOLTGHOST_SCHEMATHESIS` names a virtual environment or the program; without it scripts/python-env makes one. */
async function program(): Promise<string> {
  const given = process.env.MOLTGHOST_SCHEMATHESIS;
  const answer = given ?? (await run(ROOT, join(ROOT, "scripts", "python-env"), ["schemathesis"])).trim();
  const place = answer.split("\n").at(-1) ?? "";
  assert.ok(existsSync(place), `there is no schemathesis at ${place}`);
  return statSync(place).isDirectory() ? join(place, "bin", "schemathesis") : place;
}

// It keeps its notes in the folder that it runs in.
function run(folder: string, command: string, args: string[]): Promise<string> {
  const timeout = (SECONDS + GRACE_SECONDS) * 1000;
  const options = { maxBuffer: 64 * 1024 * 1024, timeout, cwd: folder };
  return new Promise((resolve, reject) => {
    execFile(command, args, options, (error: ExecFileException | null, stdout, stderr) => {
      if (error === null) {
        resolve(stdout);
      } else {
        const why =
          error.killed === true ? "did not end in time" : `ended with ${error.code ?? error.signal}`;
        reject(
          new assert.AssertionError({ message: `${command} ${why}:\n${stdout.slice(-20_000)}\n${stderr}` }),
        );
      }
    });
  });
}
