import { parseArgs } from 'node:util';

import { LedgerError, messageOf } from '../ledger-error.js';
import type { OpenedRecord } from '../record/ledger-store.js';
import { historyOf } from './history.js';
import { stats, verify } from './report.js';

const USAGE = `Usage: ledger <command> [--data-dir FOLDER | --database-url URL [--schema NAME]]

  verify            reads every record, and recounts every counter from them
  stats             what is in the ledger
  history LOCK_ID   who held what when, and why it ended
  backup FILE       the ledger as it is now, in one file (embedded ledger only)

All of them may run while the service does, and change nothing.
Without options: DATABASE_URL, else DATA_DIR, else ./data.`;

export interface ToolSurroundings {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Takes whole lines. */
  readonly print: (line: string) => void;
}

/** Runs one command; returns the exit code. */
export async function runTool(
  args: readonly string[],
  { environment, print }: ToolSurroundings,
): Promise<number> {
  try {
    const { positionals, values } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        'data-dir': { type: 'string' },
        'database-url': { type: 'string' },
        schema: { type: 'string' },
      },
    });
    const [command, subject] = positionals;
    const databaseUrl =
      values['database-url'] ?? (values['data-dir'] ? undefined : environment['DATABASE_URL']);
    const folder = values['data-dir'] ?? environment['DATA_DIR'] ?? './data';
    if (command === 'backup' && subject !== undefined && databaseUrl === undefined) {
      const { backUp } = await import('../sqlite/sqlite-reader.js');
      backUp(folder, subject);
      print(`${subject} is the ledger as it is now`);
      return 0;
    }
    const work = WORK.get(command ?? '');
    if (work === undefined || (command === 'history') === (subject === undefined)) {
      print(USAGE);
      return 2;
    }
    const record = await openRecord(folder, databaseUrl, values.schema);
    try {
      return await work(record, print, subject ?? '');
    } finally {
      await record.close();
    }
  } catch (error) {
    const prefix = error instanceof LedgerError ? error.code : 'ledger';
    print(`${prefix}: ${messageOf(error)}`);
    return 1;
  }
}

type Work = (
  record: OpenedRecord,
  print: (line: string) => void,
  subject: string,
) => Promise<number>;

const WORK: ReadonlyMap<string, Work> = new Map<string, Work>([
  [
    'verify',
    async (record, print) => {
      const { lines, problems } = await verify(record);
      for (const line of [...lines, ...problems]) print(line);
      print(problems.length === 0 ? 'All is well.' : `${problems.length} problems.`);
      return problems.length === 0 ? 0 : 1;
    },
  ],
  [
    'stats',
    async (record, print) => {
      for (const line of await stats(record)) print(line);
      return 0;
    },
  ],
  [
    'history',
    async (record, print, lockId) => {
      const lines = await historyOf(record.reader, lockId);
      for (const line of lines) print(line);
      if (lines.length === 0) print(`nothing is recorded of lock ${lockId}`);
      return lines.length === 0 ? 1 : 0;
    },
  ],
]);

/** Loads a driver only when it is needed. */
async function openRecord(
  folder: string,
  url: string | undefined,
  schema: string | undefined,
): Promise<OpenedRecord> {
  if (url === undefined) {
    const { openSqliteRecord } = await import('../sqlite/sqlite-reader.js');
    return openSqliteRecord(folder);
  }
  const { openPostgresRecord } = await import('../postgres/postgres-reader.js');
  return openPostgresRecord({ url, schema });
}
