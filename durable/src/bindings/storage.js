// SQL of an object's own database and of D1. Statements, parameters and rows are JSON.

/** Runs one statement; parameters and rows are JSON. */
export function sqlRun(storage, query, parameters) {
  const rows = storage.sql
    .exec(query, ...JSON.parse(parameters))
    .raw()
    .toArray();
  return rows.length === 0 ? "[]" : JSON.stringify(rows);
}

/** Whether a statement without parameters finds anything. */
export function sqlFinds(storage, query) {
  return !storage.sql.exec(query).next().done;
}

/** Size of the database in bytes. */
export function sqlSize(storage) {
  return storage.sql.databaseSize;
}

/** Runs `[[query, [parameter, …]], …]` in order; answers `<how many ran> <why it stopped>`. */
export function sqlApply(storage, statements) {
  let ran = 0;
  try {
    for (const [query, parameters] of JSON.parse(statements)) {
      storage.sql.exec(query, ...parameters);
      ran++;
    }
    return `${ran} `;
  } catch (error) {
    return `${ran} ${error}`;
  }
}

/** Runs `[[query, [parameter, …]], …]` as a whole or not at all. */
export function sqlBatch(storage, statements) {
  const list = JSON.parse(statements);
  if (list.length === 1) {
    storage.sql.exec(list[0][0], ...list[0][1]);
    return;
  }
  storage.transactionSync(() => {
    for (const [query, parameters] of list) storage.sql.exec(query, ...parameters);
  });
}

/**
 * Runs statements on D1 as one transaction; `[[query, [parameter, …]], …]`, where an object stands for the text. Answers
 * the rows of the last.
 */
export async function d1Batch(database, statements, text) {
  const value = (parameter) => (parameter !== null && typeof parameter === "object" ? text : parameter);
  const prepared = JSON.parse(statements).map(([query, parameters]) =>
    database.prepare(query).bind(...parameters.map(value)),
  );
  const results = await database.batch(prepared);
  return JSON.stringify(results.at(-1)?.results ?? []);
}

/** What a database is like, `{"migrations":N,"size":BYTES}`; one without a record of migrations has none. */
export async function d1State(database) {
  const applied = database.prepare("SELECT count(*) AS n FROM d1_migrations");
  try {
    const { results, meta } = await applied.all();
    return JSON.stringify({ migrations: results[0]?.n ?? 0, size: meta.size_after ?? 0 });
  } catch (error) {
    if (!String(error).includes("no such table")) {
      throw error;
    }
    return JSON.stringify({ migrations: 0, size: 0 });
  }
}
